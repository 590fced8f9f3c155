export * from './store';
export { FolderStore } from './folder-store';
export { MaxUrlLifetime, S3Store } from './s3-store';
export type { S3Options } from './s3-store';
export { MaxObjectBytes } from './limits';
export type { StoreLimits } from './limits';
export { openStore } from './open';
export { readFromUrl, writeToUrl } from './url';
