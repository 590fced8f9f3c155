import { Buffer } from 'buffer';

// Libraries of TON expect Node's `Buffer`; an application that brought its own keeps it.
globalThis.Buffer ??= Buffer;
