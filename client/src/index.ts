export * from './common';
export { createClient } from './create-client';
export { defaultStoreFolder } from './session/folder-store';
export { startLocalEndpoint } from './local-endpoint';
export type { EndpointOptions, LocalEndpoint } from './local-endpoint';
export { FolderStore, openStore, S3Store, StoreError } from '@ton-compute/storage';
export type { ObjectStore, S3Options } from '@ton-compute/storage';
