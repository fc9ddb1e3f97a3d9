export * from './decode-error.js';
export { fingerprint, labelsToString, nameLabel } from './labels.js';
export * from './matchers.js';
export * from './model.js';
export { decodeOtlpJson } from './otlp-json.js';
export { decodeOtlpProtobuf } from './otlp-protobuf.js';
export * from './remote-write.js';
export { SeriesRegistry, slotCount } from './series-registry.js';
