import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A file that the build makes, given its path from the repository's root without `dist`. Works alike for a caller that
 * was built and for one that runs from its source.
 * @param from the caller's `import.meta.url`.
 */
export function builtFile(from: string, ...path: string[]): string {
  const here = fileURLToPath(from);
  const at = Math.max(here.lastIndexOf(`${sep}apps${sep}`), here.lastIndexOf(`${sep}libs${sep}`));
  const root = here.slice(0, at);
  return join(root.endsWith(`${sep}dist`) ? root : join(root, 'dist'), ...path);
}
