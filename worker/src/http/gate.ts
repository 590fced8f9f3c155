import { IncomingHttpHeaders } from 'node:http';
import {
    AnswerSealer,
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
export type AdmittedRequest = {
    session: Session;
    model: EngineModel;
    opening: Promise<OpenedBody>;
};

/** The plaintext body, and what seals its answer; null when it came plain. */
type OpenedBody = { body: Uint8Array; sealer: AnswerSealer | null };

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
        // The body is opened while the disk writes; what is in it counts only when all of this has gone well.
        const opening = this.openBody(raw, sealed, session, model);
        opening.catch(() => undefined);
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
        return { session, model, opening };
    }

    /**
     * Opens the body.
     * @returns the plaintext, and the form in which it has to be answered.
     * @throws {WireError} cannot_open.
     */
    async open(
        { opening }: AdmittedRequest,
        connection: Connection,
    ): Promise<{ body: Uint8Array; answer: Answer }> {
        const { body, sealer } = await opening;
        return { body, answer: sealer === null ? new PlainAnswer(connection) : new SealedAnswer(connection, sealer) };
    }

    private async openBody(
        raw: RawRequest,
        sealed: boolean,
        session: Session,
        model: EngineModel,
    ): Promise<OpenedBody> {
        if (!sealed) {
            return { body: raw.body, sealer: null };
        }
        const { encryption, globalId, provider } = this.options;
        const context = { globalId, provider, escrow: session.address, model: Buffer.from(model.weightsHash, 'hex') };
        try {
            return await openRequest({
                keyPair: encryption,
                context,
                method: raw.method,
                path: raw.path,
                bytes: raw.body,
            });
        } catch (error) {
            throw error instanceof SealingError ? new WireError('cannot_open', error.message) : error;
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
