import { EncryptionKeyPair } from '@ton-compute/protocol';

import { SigningKey } from './ed25519';

/** The hot keys of a worker. The owner's wallet key is never here. */
export type WorkerKeys = {
    /** Ed25519: receipts and batches. */
    readonly worker: SigningKey;
    /** X25519: clients seal their requests to it. */
    readonly encryption: EncryptionKeyPair;
};

/**
 * Where the keys come from. Tier open keeps them in a file (`FileKeys`); at tier tdx they will be made in the memory of
 * the attested guest, never leave it, and be new after every boot of the machine.
 */
export interface KeySource {
    load(): Promise<WorkerKeys>;
}
