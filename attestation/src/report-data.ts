import { createHash } from 'node:crypto';
import { Address, beginCell, Cell } from '@ton/core';
import { AttestationError } from './errors';

/** "ATST": first bytes of what the second half of report_data is the hash of. */
export const ReportDataTag = 0x41545354;

/** What a quote binds a worker to; `Provider` recomputes it. */
export type Binding = {
    /** Ed25519, 32 bytes. */
    workerKey: Buffer;
    /** Chain's global id, configuration parameter 19. */
    globalId: number;
    /** The Provider contract, basechain. */
    provider: Address;
    /** X25519, 32 bytes. */
    encryptionKey: Buffer;
    /** Hash of what the guest found out about its GPU, 32 bytes. */
    evidenceHash: Buffer;
    /** From the Provider contract, 32 bytes. */
    nonce: Buffer;
};

/**
 * @returns 64 bytes: worker key (32) | SHA-256(tag:uint32 | global_id:int32 | workchain:int8 | account hash of the
 *   provider (32) | encryption key (32) | GPU evidence hash (32) | nonce (32)), numbers big-endian.
 * @throws AttestationError when a field has another length or the provider is not of the basechain.
 */
export function reportDataOf(binding: Binding): Buffer {
    const fixed = Buffer.alloc(9);
    fixed.writeUInt32BE(ReportDataTag, 0);
    fixed.writeInt32BE(binding.globalId, 4);
    fixed.writeInt8(0, 8);
    const hash = createHash('sha256')
        .update(fixed)
        .update(basechainHash(binding.provider, 'The provider'))
        .update(requireBytes(binding.encryptionKey, 'encryption key'))
        .update(requireBytes(binding.evidenceHash, 'GPU evidence hash'))
        .update(requireBytes(binding.nonce, 'nonce'))
        .digest();
    return Buffer.concat([requireBytes(binding.workerKey, 'worker key'), hash]);
}

/**
 * The context of a VerifyQuote that is answered to a Provider: encryptionKey:uint256 evidenceHash:uint256
 * nonce:uint256. With it and the worker key `Provider` recomputes report_data.
 */
export function contextCell(binding: Pick<Binding, 'encryptionKey' | 'evidenceHash' | 'nonce'>): Cell {
    return beginCell()
        .storeBuffer(requireBytes(binding.encryptionKey, 'encryption key'))
        .storeBuffer(requireBytes(binding.evidenceHash, 'GPU evidence hash'))
        .storeBuffer(requireBytes(binding.nonce, 'nonce'))
        .endCell();
}

/** @returns 32 bytes. @throws AttestationError unless the address is of the basechain. */
export function basechainHash(address: Address, what: string): Buffer {
    if (address.workChain !== 0) {
        throw new AttestationError(
            'bad_argument',
            `${what} is at ${address.toRawString()}, workchain ${address.workChain}. Expected a basechain address, 0:...`,
        );
    }
    return address.hash;
}

function requireBytes(bytes: Buffer, what: string): Buffer {
    if (bytes.length !== 32) {
        throw new AttestationError('bad_argument', `The ${what} has 32 bytes, got ${bytes.length}.`);
    }
    return bytes;
}
