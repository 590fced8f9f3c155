// What `index.ts` exports, less what needs files and an environment: bundlers for browsers take this one.
export * from './store';
export { MaxUrlLifetime, S3Store } from './s3-store';
export type { S3Options } from './s3-store';
export { MaxObjectBytes } from './limits';
export type { StoreLimits } from './limits';
export { readFromUrl, writeToUrl } from './http-url';
