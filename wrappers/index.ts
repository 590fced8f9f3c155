// One namespace per contract: the generated bindings repeat Tact's standard types, so they are never exported flat.
export * as ProviderRegistry from './provider_registry';
export * as Provider from './provider';
export * as SessionEscrow from './session_escrow';
export * as RewardSettlement from './reward_settlement';
export * from './addresses';
export * from './terms';
export * from './payloads';
export * from './prices';
export * from './keys';
export * from './constants';
export * from './errors';
export * from './code';
export * from './fees';
export * from './values';
