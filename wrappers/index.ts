// One namespace per contract: the generated bindings repeat Tact's standard types, so they are never exported flat.
export * as ProviderRegistry from './provider_registry';
export * as Provider from './provider';
export * as SessionEscrow from './session_escrow';
export * as RewardSettlement from './reward_settlement';
export * as AttestationVerifier from './attestation_verifier';
export * as PlatformKey from './platform_key';
export * as CrlBuilder from './crl_builder';
export * as MeasurementCatalog from './measurement_catalog';
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
