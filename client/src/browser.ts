// First of all: @ton/core takes `Buffer` from the global object when it is loaded.
import './browser/buffer';

export * from './common';
export { createClient } from './browser/create-client';
export { S3Store, StoreError } from '@ton-compute/storage';
export type { ObjectStore, S3Options } from '@ton-compute/storage';
// A page without a bundler has no other copy of @ton/core, and addresses of another copy are none to this one.
export { Address, beginCell, Cell, fromNano, toNano } from '@ton/core';
