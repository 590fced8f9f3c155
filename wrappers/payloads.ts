import { Address, beginCell, Builder, Cell } from '@ton/core';
import { sha256_sync, sign, signVerify } from '@ton/crypto';
import { Tokens, storeTokens } from './prices';

/**
 * Signed payloads. Everything that a party signs is the hash of one cell:
 *
 *     tag:32 | global_id:int32 | workchain:8 | contract hash:256 | openedLt:64 | body
 *
 * docs/payloads.md is the specification, tests/vectors/payloads.json holds test vectors;
 * the contracts build the same bits in contracts/common/signing.tact.
 */
export const PayloadTag = {
    /** "VCHR": the client's session key promises a cumulative amount. */
    Voucher: 0x56434852,
    /** "RCPT": the worker key states what was used so far. */
    Receipt: 0x52435054,
    /** "BTCH": the worker key orders its RewardSettlement to send a batch. */
    Batch: 0x42544348,
    /** "DELV": the attested worker key states how a job that it was awarded ended. */
    Delivery: 0x44454c56,
    /** "RQST": the session key authorises one request to a worker; never seen by a contract. */
    Request: 0x52515354,
} as const;

/** What a signature is bound to: one network, one contract, one life of that contract. */
export type SigningDomain = {
    /** Chain's global id, configuration parameter 19 (-239 mainnet, -3 testnet). */
    globalId: number;
    /** The contract that checks the signature: the escrow of a session or a job, the settlement of a batch. */
    contract: Address;
    /** Logical time at which the session was opened or the job posted; 0 for contracts that are never destroyed. */
    openedLt: bigint;
};

/** The client owes `cumulative` nanoTON in all since the session was opened. */
export type Voucher = {
    /** nanoTON, cumulative. */
    cumulative: bigint;
    /** Hash of the last receipt payload that the client has seen; 0 before the first. */
    receiptHash: bigint;
};

/** The worker's statement of what was used since the session was opened. */
export type Receipt = {
    /** Grows with every receipt of a session, from 1; uint32. */
    sequence: number;
    /** Cumulative tokens by class, each uint48. */
    tokens: Tokens;
    /** nanoTON, cumulative: `amountOf(tokens, prices)`. */
    amount: bigint;
    /** Transcript hash over all requests and answers so far (docs/payloads.md). */
    transcriptHash: bigint;
};

/** The signed part of a RewardSettlement external message. */
export type Batch = {
    /** The settlement's current sequence; uint32. */
    sequence: number;
    /** Unix seconds after which the message is worthless; uint32. */
    validUntil: number;
    /** Items in the list, 0 to 50. */
    count: number;
    /** Whether the earnings are distributed after the items are sent. */
    distribute: boolean;
    /** List of items; see `packBatchItems`. */
    items: Cell;
};

/** One request to a worker. */
export type RequestAuthorization = {
    /** Unix seconds after which the worker refuses the request; uint32. */
    validUntil: number;
    /** SHA-256 over method, path and body as sent (docs/wire.md). */
    requestDigest: bigint;
};

/** @returns a builder that already holds the header of a payload (392 bits). */
function storeHeader(tag: number, domain: SigningDomain): Builder {
    return beginCell()
        .storeUint(tag, 32)
        .storeInt(domain.globalId, 32)
        .storeInt(domain.contract.workChain, 8)
        .storeBuffer(domain.contract.hash, 32)
        .storeUint(domain.openedLt, 64);
}

/** @returns the cell whose hash the session key signs; `domain.contract` is the SessionEscrow. */
export function voucherPayload(domain: SigningDomain, voucher: Voucher): Cell {
    return storeHeader(PayloadTag.Voucher, domain)
        .storeCoins(voucher.cumulative)
        .storeUint(voucher.receiptHash, 256)
        .endCell();
}

/** @returns the cell whose hash the worker key signs; `domain.contract` is the SessionEscrow. */
export function receiptPayload(domain: SigningDomain, receipt: Receipt): Cell {
    return storeHeader(PayloadTag.Receipt, domain)
        .storeUint(receipt.sequence, 32)
        .store(storeTokens(receipt.tokens))
        .storeCoins(receipt.amount)
        .storeUint(receipt.transcriptHash, 256)
        .endCell();
}

/** @returns the cell whose hash the worker key signs; `domain.contract` is the RewardSettlement, openedLt 0. */
export function batchPayload(domain: SigningDomain, batch: Batch): Cell {
    return storeHeader(PayloadTag.Batch, domain)
        .storeUint(batch.sequence, 32)
        .storeUint(batch.validUntil, 32)
        .storeUint(batch.count, 8)
        .storeBit(batch.distribute)
        .storeRef(batch.items)
        .endCell();
}

/** @returns the cell whose hash the session key signs; `domain.contract` is the SessionEscrow. */
export function requestPayload(domain: SigningDomain, request: RequestAuthorization): Cell {
    return storeHeader(PayloadTag.Request, domain)
        .storeUint(request.validUntil, 32)
        .storeUint(request.requestDigest, 256)
        .endCell();
}

/** What the worker states on a job that its provider was awarded. */
export type Delivery = {
    /** JobOutcome.Delivered or JobOutcome.Declined. */
    outcome: number;
    /** Merkle root of the sealed outputs; when declined: one of DeclineReason. 32 bytes as a number. */
    outputRoot: bigint;
};

/** @returns the cell whose hash the worker key signs; `domain.contract` is the JobEscrow. */
export function deliveryPayload(domain: SigningDomain, delivery: Delivery): Cell {
    return storeHeader(PayloadTag.Delivery, domain)
        .storeUint(delivery.outcome, 8)
        .storeUint(delivery.outputRoot, 256)
        .endCell();
}

/** @returns the cell that RelayDelivery carries: `outcome:uint8 output_root:bits256 signature:bits512`. */
export function packDelivery(delivery: Delivery, signature: Buffer): Cell {
    return beginCell()
        .storeUint(delivery.outcome, 8)
        .storeUint(delivery.outputRoot, 256)
        .storeBuffer(signature, 64)
        .endCell();
}

/** What a quote for a provider attests beside the worker key. */
export type AttestedKeys = {
    /** Ed25519 public key that signs receipts and batches, 32 bytes; made in the guest. */
    workerKey: Buffer;
    /** X25519 public key to which clients seal their requests, 32 bytes; made in the guest. */
    encryptionKey: Buffer;
    /** SHA-256 of the GPU evidence that the guest checked, 32 bytes; zeros for none. */
    evidenceHash: Buffer;
    /** A live nonce of the provider: NonceIssued, or its getter attestation_nonce. */
    nonce: bigint;
};

/** @returns the cell that travels with a quote and comes back with the verdict: what report_data bind, 768 bits. */
export function attestationContext({ encryptionKey, evidenceHash, nonce }: Omit<AttestedKeys, 'workerKey'>): Cell {
    return beginCell()
        .storeBuffer(encryptionKey, 32)
        .storeBuffer(evidenceHash, 32)
        .storeUint(nonce, 256)
        .endCell();
}

/** Tag of {@link attestationDigest}, "ATST". It is hashed as bytes and never signed by a key of ours. */
export const AttestationTag = 0x41545354;

/**
 * @param provider the Provider that the quote is for.
 * @param globalId chain's global id, configuration parameter 19.
 * @returns the second half of report_data: SHA-256 over
 * `tag:32 | global_id:int32 | workchain:8 | provider:256 | encryption_key:256 | evidence_hash:256 | nonce:256`.
 */
export function attestationDigest(
    provider: Address,
    globalId: number,
    context: Omit<AttestedKeys, 'workerKey'>,
): Buffer {
    const header = Buffer.alloc(9);
    header.writeUInt32BE(AttestationTag, 0);
    header.writeInt32BE(globalId, 4);
    header.writeInt8(provider.workChain, 8);
    const fields = attestationContext(context).beginParse().loadBuffer(96);
    return sha256_sync(Buffer.concat([header, provider.hash, fields]));
}

/**
 * @returns the 64 bytes of report_data that a quote for `provider` must carry: worker key, then {@link attestationDigest}.
 * @throws RangeError for a worker key of another length than 32, or a provider outside the basechain.
 */
export function reportDataOf(provider: Address, globalId: number, keys: AttestedKeys): Buffer {
    if (provider.workChain !== 0) {
        throw new RangeError(`${provider.toRawString()} is no provider: expected an address in the basechain (workchain 0).`);
    }
    if (keys.workerKey.length !== 32) {
        throw new RangeError(`A worker key has 32 bytes, this one has ${keys.workerKey.length}.`);
    }
    return Buffer.concat([keys.workerKey, attestationDigest(provider, globalId, keys)]);
}

/** @returns the Ed25519 signature (64 bytes) over the payload's hash. */
export function signPayload(payload: Cell, secretKey: Buffer): Buffer {
    return sign(payload.hash(), secretKey);
}

/** @returns whether `signature` (64 bytes) is `publicKey`'s (32 bytes) over the payload's hash. */
export function verifyPayload(payload: Cell, signature: Buffer, publicKey: Buffer): boolean {
    return signature.length === 64 && signVerify(payload.hash(), signature, publicKey);
}

/** A voucher with its signature, as it travels from client to worker and on to the escrow. */
export type SignedVoucher = Voucher & { signature: Buffer };

/** @returns the cell that ClaimVoucher carries: `cumulative:Coins receipt_hash:bits256 signature:bits512`. */
export function packSignedVoucher(voucher: SignedVoucher): Cell {
    return beginCell()
        .storeCoins(voucher.cumulative)
        .storeUint(voucher.receiptHash, 256)
        .storeBuffer(voucher.signature, 64)
        .endCell();
}

/** @throws when the cell is not exactly a signed voucher. */
export function unpackSignedVoucher(cell: Cell): SignedVoucher {
    const slice = cell.beginParse();
    const voucher = {
        cumulative: slice.loadCoins(),
        receiptHash: slice.loadUintBig(256),
        signature: slice.loadBuffer(64),
    };
    slice.endParse();
    return voucher;
}

/** A receipt with its signature, as it travels from worker to client. */
export type SignedReceipt = Receipt & { signature: Buffer };

/**
 * The argument of a receipt claim. The amount is left out: the escrow recomputes it from the tokens and its own prices,
 * so a receipt whose amount is wrong has a wrong signature.
 * @param voucher the highest voucher that the worker holds, if any: it raises the limit of the claim.
 */
export function packReceiptClaim(receipt: SignedReceipt, voucher: SignedVoucher | null): Cell {
    return beginCell()
        .storeBuffer(receipt.signature, 64)
        .storeUint(receipt.sequence, 32)
        .store(storeTokens(receipt.tokens))
        .storeUint(receipt.transcriptHash, 256)
        .storeMaybeRef(voucher === null ? null : packSignedVoucher(voucher))
        .endCell();
}

/** What a batch may order: the contract writes the operation and the address itself. */
export const BatchItemKind = { ClaimVoucher: 0, ClaimReceipt: 1, Finish: 2 } as const;

/** One order of a batch; `voucher` is the highest that the worker holds. */
export type BatchItem =
    | { kind: 'claimVoucher'; escrow: Address; voucher: SignedVoucher }
    | { kind: 'claimReceipt'; escrow: Address; receipt: SignedReceipt; voucher: SignedVoucher | null }
    | { kind: 'finish'; escrow: Address; voucher: SignedVoucher | null };

/** The most items in one batch: the contract refuses more. */
export const MaxBatchItems = 50;

const EmptyCell = beginCell().endCell();

function itemArguments(item: BatchItem): { kind: number; args: Cell } {
    switch (item.kind) {
        case 'claimVoucher':
            return { kind: BatchItemKind.ClaimVoucher, args: packSignedVoucher(item.voucher) };
        case 'claimReceipt':
            return { kind: BatchItemKind.ClaimReceipt, args: packReceiptClaim(item.receipt, item.voucher) };
        case 'finish':
            return {
                kind: BatchItemKind.Finish,
                args: item.voucher === null ? EmptyCell : packSignedVoucher(item.voucher),
            };
    }
}

/**
 * Packs a batch's items: cells of up to three items, `kind:uint8 account:bits256 arguments:^Cell` each, and the next
 * cell as the last reference.
 * @throws RangeError for more than 50 items or an escrow outside the basechain.
 */
export function packBatchItems(items: BatchItem[]): Cell {
    if (items.length > MaxBatchItems) {
        throw new RangeError(
            `A batch holds at most ${MaxBatchItems} items, got ${items.length}: send several batches.`,
        );
    }
    let next: Cell | null = null;
    for (let start = Math.floor(Math.max(items.length - 1, 0) / 3) * 3; start >= 0; start -= 3) {
        const builder = beginCell();
        for (const item of items.slice(start, start + 3)) {
            if (item.escrow.workChain !== 0) {
                throw new RangeError(`Escrow ${item.escrow.toRawString()} is not in the basechain (workchain 0).`);
            }
            const { kind, args } = itemArguments(item);
            builder.storeUint(kind, 8).storeBuffer(item.escrow.hash, 32).storeRef(args);
        }
        if (next !== null) {
            builder.storeRef(next);
        }
        next = builder.endCell();
    }
    return next ?? EmptyCell;
}

/**
 * @returns the body of the external message:
 * `signature:bits512 sequence:uint32 valid_until:uint32 count:uint8 distribute:Bool items:^Cell`.
 */
export function packBatchMessage(batch: Batch, signature: Buffer): Cell {
    return beginCell()
        .storeBuffer(signature, 64)
        .storeUint(batch.sequence, 32)
        .storeUint(batch.validUntil, 32)
        .storeUint(batch.count, 8)
        .storeBit(batch.distribute)
        .storeRef(batch.items)
        .endCell();
}

/**
 * @returns a 256-bit hash or key as an unsigned integer, as the bindings take it.
 * @throws RangeError when it has not 32 bytes.
 */
export function hashToBigInt(hash: Buffer): bigint {
    if (hash.length !== 32) {
        throw new RangeError(`A hash or key has 32 bytes, got ${hash.length}: pass it as bytes, not as text.`);
    }
    return BigInt('0x' + hash.toString('hex'));
}

/** @returns a 256-bit unsigned integer as 32 bytes, big-endian. */
export function bigIntToHash(value: bigint): Buffer {
    return Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
}
