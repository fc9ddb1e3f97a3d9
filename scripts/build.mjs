import { prepare } from './lib/prepare.mjs';

prepare({ force: true });
