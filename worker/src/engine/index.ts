export * from './engine';
export { type GpuChoice, provesOffloading } from './device';
export { explainMissingSoftware, explainNoGpu, type GpuFindings, probeGpu } from './gpu-probe';
export { createLlamaEngine, type LlamaEngineOptions } from './llama';
export { hashWeights, type WeightsHash } from './weights-hash';
export * from './upstream';
