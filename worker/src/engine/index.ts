export * from './engine';
export { type GpuChoice, provesOffloading } from './device';
export { explainMissingSoftware, explainNoGpu, type GpuFindings, probeGpu } from './gpu-probe';
export { createLlamaEngine, createLlamaEngines } from './llama';
export type { LlamaDeviceOptions, LlamaEngineOptions, LlamaModelOptions } from './llama-options';
export { combineEngines } from './several';
export { prepareWeights, type Weights } from './weights';
export { hashWeights, type WeightsHash } from './weights-hash';
export * from './upstream';
