export { createUpstreamEngine } from './engine';
export type { UpstreamKind, UpstreamOptions } from './options';
export { isSameGuest } from './same-guest';
