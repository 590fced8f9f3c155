export * from '../build/ProviderRegistry/ProviderRegistry_ProviderRegistry';
