import { IncomingHttpHeaders } from 'node:http';
import {
    ContentType,
    decodeProof,
    decodeReceipt,
    decodeSession,
    decodeVoucher,
    EncBytes,
    EncryptionKeyPair,
    HeaderName,
    openRequest,
    requestDigest,
    RequestProof,
    SealingError,
    WireFormatError,
} from '@ton-compute/protocol';
import { Address } from '@ton/core';
import { Tier } from '@ton-compute/contracts';

import { EngineModel } from '../engine/engine';
import { Ledger } from '../ledger/ledger';
import { proofFault, proofReplayKey, sealedReplayKey } from '../money/request-proof';
import { SessionBook } from '../sessions/book';
import { requireServable, ServingTerms } from '../sessions/servable';
import { Session } from '../sessions/session';
import { WireError } from '../wire-error';
import { Answer, PlainAnswer, SealedAnswer } from './answer';
import { Connection } from './connection';

/** Seconds for which a sealed request's `enc` is remembered. Its proof, worthless much sooner, covers it as well. */
const EncMemory = 86_400;

export type GateOptions = {
    book: SessionBook;
    ledger: Ledger;
    serving: ServingTerms;
    globalId: number;
    provider: Address;
    encryption: EncryptionKeyPair;
    allowPlain: boolean;
    /** Unix seconds. */
    now: () => number;
};

/** A request as it came. */
export type RawRequest = {
    method: string;
    /** Path with query, as in the request line. */
    path: string;
    headers: IncomingHttpHeaders;
    body: Buffer;
};

/** A request that its session vouches for. */
export type AdmittedRequest = { raw: RawRequest; session: Session; model: EngineModel; sealed: boolean };

/** Decides, from headers and signatures alone, whether a request is one that a session pays for. */
export class Gate {
    constructor(private readonly options: GateOptions) {}

    /**
     * Checks session, proof and voucher; then voucher and replay marks are on the disk.
     * @throws {WireError}
     */
    async admit(raw: RawRequest): Promise<AdmittedRequest> {
        const sealed = this.requireForm(raw.headers);
        const address = decodeSession(requireHeader(raw.headers, HeaderName.Session));
        const proof = readProof(raw.headers);
        const voucherText = optionalHeader(raw.headers, HeaderName.Voucher);
        const voucher = voucherText === null ? null : decodeVoucher(voucherText);
        const receiptText = optionalHeader(raw.headers, HeaderName.Receipt);
        const receipt = receiptText === null ? null : decodeReceipt(receiptText);
        const digest = requestDigest(raw.method, raw.path, raw.body);

        const { session, model } = await this.prove(await this.options.book.get(address), proof, digest);
        if (!sealed && session.snapshot.agreement.leastTier === Tier.Tdx) {
            throw new WireError(
                'plain_refused',
                'A session of tier tdx takes sealed requests only: what is sent plain is read before it reaches the enclave.',
            );
        }
        const enc = sealed ? sealedReplayKey(raw.body.subarray(0, EncBytes)) : null;
        const marked = this.mark(proofReplayKey(proof, digest, session.domain), proof.validUntil, enc);
        // Both wait for the same sync to the disk.
        const [fresh] = await Promise.all([
            marked,
            voucher === null ? false : this.options.book.acceptVoucher(session, voucher),
        ]);
        if (!fresh) {
            throw new WireError(
                'replayed_request',
                'This request was sent before. Sign a new proof with another validUntil, and seal the body anew.',
            );
        }
        if (receipt !== null) {
            await this.options.book.acceptReceipt(session, receipt);
        }
        session.lastUsed = performance.now();
        return { raw, session, model, sealed };
    }

    /**
     * Opens the body.
     * @returns the plaintext, and the form in which it has to be answered.
     * @throws {WireError} cannot_open.
     */
    async open(admitted: AdmittedRequest, connection: Connection): Promise<{ body: Uint8Array; answer: Answer }> {
        const { raw, session, model } = admitted;
        if (!admitted.sealed) {
            return { body: raw.body, answer: new PlainAnswer(connection) };
        }
        try {
            const { body, sealer } = await openRequest({
                keyPair: this.options.encryption,
                context: {
                    globalId: this.options.globalId,
                    provider: this.options.provider,
                    escrow: session.address,
                    model: Buffer.from(model.weightsHash, 'hex'),
                },
                method: raw.method,
                path: raw.path,
                bytes: raw.body,
            });
            return { body, answer: new SealedAnswer(connection, sealer) };
        } catch (error) {
            if (error instanceof SealingError) {
                throw new WireError('cannot_open', error.message);
            }
            throw error;
        }
    }

    /** @returns whether the request is sealed. */
    private requireForm(headers: IncomingHttpHeaders): boolean {
        const type = (headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
        if (type === ContentType.SealedRequest) {
            return true;
        }
        if (type !== ContentType.Json) {
            throw new WireError(
                'invalid_request',
                `content-type: expected ${ContentType.SealedRequest} or ${ContentType.Json}.`,
                { param: 'content-type' },
            );
        }
        if (!this.options.allowPlain) {
            throw new WireError(
                'plain_refused',
                'This worker takes sealed requests only: anyone on the way could read a plain one. Use the SDK.',
            );
        }
        return false;
    }

    /** Checks state and proof; before it refuses, it looks whether the chain has something newer to say. */
    private async prove(
        session: Session,
        proof: RequestProof,
        digest: Buffer,
    ): Promise<{ session: Session; model: EngineModel }> {
        try {
            return { session, model: this.check(session, proof, digest) };
        } catch (error) {
            const newer = error instanceof WireError ? await this.options.book.recheck(session) : session;
            if (newer === null) {
                throw error;
            }
            return { session: newer, model: this.check(newer, proof, digest) };
        }
    }

    private check(session: Session, proof: RequestProof, digest: Buffer): EngineModel {
        const { now, serving } = this.options;
        const fault = proofFault(proof, digest, session.domain, session.sessionKey, now());
        if (fault !== null) {
            throw new WireError('invalid_proof', fault, { param: HeaderName.Proof });
        }
        return requireServable(session, serving, now());
    }

    /** @returns whether none of the keys was there before. */
    private async mark(proof: string, validUntil: number, enc: string | null): Promise<boolean> {
        const { ledger, now } = this.options;
        const { replays } = ledger;
        const marks = [replays.add(proof, validUntil + 1)];
        if (enc !== null) {
            marks.push(replays.add(enc, now() + EncMemory));
        }
        return (await ledger.write(...marks)).every(({ changes }) => changes === 1);
    }
}

function readProof(headers: IncomingHttpHeaders): RequestProof {
    const text = optionalHeader(headers, HeaderName.Proof);
    if (text === null) {
        throw new WireError('invalid_proof', `The header ${HeaderName.Proof} is missing.`, { param: HeaderName.Proof });
    }
    return decodeProof(text);
}

function requireHeader(headers: IncomingHttpHeaders, name: string): string {
    const text = optionalHeader(headers, name);
    if (text === null) {
        throw new WireFormatError(name, `The header ${name} is missing.`);
    }
    return text;
}

function optionalHeader(headers: IncomingHttpHeaders, name: string): string | null {
    const value = headers[name];
    return typeof value === 'string' ? value : null;
}
