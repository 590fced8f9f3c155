import { randomBytes } from 'node:crypto';
import { Address, toNano } from '@ton/core';
import {
    Deployment,
    hashToBigInt,
    requestPayload,
    SessionAgreement,
    SessionEscrow,
    SignedReceipt,
    SignedVoucher,
    SigningDomain,
    voucherPayload,
} from '@ton-compute/contracts';
import {
    accountFromJson,
    ContentType,
    decodeReceipt,
    encodeProof,
    encodeSession,
    encodeVoucher,
    HeaderName,
    parseReceiptComment,
    receiptFromJson,
    requestDigest,
    SessionAccount,
    sealRequest,
} from '@ton-compute/protocol';

import { SigningKey } from '../../src/keys/ed25519';
import type { TestNetwork } from './network';

/** What came back, opened if it was sealed. */
export type Answer = {
    status: number;
    headers: Record<string, string>;
    /** Plaintext body without receipts. */
    text: string;
    receipts: SignedReceipt[];
    sealed: boolean;
};

export type CallOptions = {
    method?: string;
    sealed?: boolean;
    /** Cumulative nanoTON of the voucher to send along; null: none. */
    pay?: bigint | null;
    /** Unix seconds. */
    validUntil?: number;
    /** Replaces headers, or with null removes them. */
    headers?: Record<string, string | null>;
    signal?: AbortSignal;
    /** Called when the answer begins, with the bytes that were sent. */
    onBegun?: (status: number, request: SentRequest) => void;
    /** Called with the plaintext as it arrives. */
    onText?: (text: string) => void | Promise<void>;
    onReceipt?: (receipt: SignedReceipt) => void | Promise<void>;
};

/** A request as it went over the wire. */
export type SentRequest = { method: string; path: string; headers: Record<string, string>; body: Uint8Array<ArrayBuffer> };

/** The least client that can pay: it signs whatever the test tells it to. */
export class TestClient {
    url = '';
    private readonly lastValidUntil = new Map<bigint, number>();
    private domain: SigningDomain;

    private constructor(
        private readonly network: TestNetwork,
        readonly agreement: SessionAgreement,
        readonly key: SigningKey,
        readonly deployment: Deployment,
    ) {
        this.domain = { globalId: -3, contract: deployment.address, openedLt: 0n };
    }

    static async create(network: TestNetwork, salt: number, changes: Partial<SessionAgreement>): Promise<TestClient> {
        const key = new SigningKey(randomBytes(32));
        const agreement = network.agreement(salt, changes);
        return new TestClient(network, agreement, key, await network.escrow(key.publicKey, agreement));
    }

    get address(): Address {
        return this.deployment.address;
    }

    private get contract() {
        return this.network.client.open(new SessionEscrow.SessionEscrow(this.address, this.deployment.init));
    }

    async open(deposit: bigint): Promise<void> {
        const sender = this.network.sender(this.network.payer);
        await this.contract.send(sender, { value: deposit }, { $$type: 'OpenSession', queryId: 0n });
        this.domain = { ...this.domain, openedLt: (await this.network.sessionData(this.address)).openedLt };
    }

    async topUp(value: bigint): Promise<void> {
        await this.contract.send(this.network.sender(this.network.payer), { value }, { $$type: 'TopUp', queryId: 0n });
    }

    async startClose(): Promise<void> {
        const sender = this.network.sender(this.network.payer);
        await this.contract.send(sender, { value: toNano('0.1') }, { $$type: 'StartClose', queryId: 0n });
    }

    voucher(cumulative: bigint, receiptHash = 0n, key = this.key): SignedVoucher {
        const voucher = { cumulative, receiptHash };
        return { ...voucher, signature: key.sign(voucherPayload(this.domain, voucher).hash()) };
    }

    /** Headers that authorise exactly these bytes. */
    headers(method: string, path: string, body: Uint8Array, options: CallOptions = {}): Record<string, string> {
        const digest = hashToBigInt(requestDigest(method, path, body));
        const validUntil = options.validUntil ?? this.nextValidUntil(digest);
        const payload = requestPayload(this.domain, { validUntil, requestDigest: digest });
        const signature = this.key.sign(payload.hash());
        const headers: Record<string, string | null> = {
            [HeaderName.Session]: encodeSession(this.address),
            [HeaderName.Proof]: encodeProof({ validUntil, signature }),
            ...(options.pay == null ? {} : { [HeaderName.Voucher]: encodeVoucher(this.voucher(options.pay)) }),
            'content-type': options.sealed ? ContentType.SealedRequest : ContentType.Json,
            ...options.headers,
        };
        return Object.fromEntries(
            Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null),
        );
    }

    /** Another one each time for the same bytes, which may be sent again only under another proof. */
    private nextValidUntil(digest: bigint): number {
        const soon = Math.floor(Date.now() / 1000) + 30;
        const next = Math.max(soon, (this.lastValidUntil.get(digest) ?? 0) + 1);
        this.lastValidUntil.set(digest, next);
        return next;
    }

    /** Sends a request. @param body an object becomes JSON, a text goes as it is. */
    async call(path: string, body: unknown, options: CallOptions = {}): Promise<Answer> {
        const method = options.method ?? 'POST';
        const plain = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
        const sealed = options.sealed
            ? await sealRequest({
                  encryptionKey: this.network.keys.encryption.publicKey,
                  context: {
                      globalId: -3,
                      provider: this.agreement.provider,
                      escrow: this.address,
                      model: this.agreement.offer.model,
                  },
                  method,
                  path,
                  body: plain,
              })
            : null;
        const bytes = new Uint8Array(sealed?.bytes ?? plain);
        const headers = this.headers(method, path, bytes, options);
        const response = await fetch(`${this.url}${path}`, { method, headers, body: bytes, signal: options.signal });
        options.onBegun?.(response.status, { method, path, headers, body: bytes });
        return sealed !== null && response.headers.get('content-type') === ContentType.SealedAnswer
            ? readSealed(response, sealed.opener, options)
            : readPlain(response, options);
    }

    /** A chat completion. @param fields of the body besides model and messages. */
    chat(content: string, fields: Record<string, unknown> = {}, options: CallOptions = {}): Promise<Answer> {
        const body = { model: 'tiny-chat', messages: [{ role: 'user', content }], temperature: 0, ...fields };
        return this.call('/v1/chat/completions', body, options);
    }

    /** Sends a voucher by itself. */
    async pay(cumulative: bigint, voucher = this.voucher(cumulative)): Promise<Response> {
        return fetch(`${this.url}/v1/sessions/${this.address.toRawString()}/vouchers`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ voucher: encodeVoucher(voucher) }),
        });
    }

    async account(): Promise<SessionAccount> {
        return accountFromJson(await (await fetch(`${this.url}/v1/sessions/${this.address.toRawString()}`)).json());
    }

    get signingDomain(): SigningDomain {
        return this.domain;
    }
}

async function readPlain(response: Response, options: CallOptions): Promise<Answer> {
    const headers = Object.fromEntries(response.headers.entries());
    const receipts: SignedReceipt[] = [];
    let text = '';
    if (!(headers['content-type'] ?? '').startsWith(ContentType.EventStream)) {
        text = await response.text();
        if (headers[HeaderName.Receipt] !== undefined) {
            receipts.push(decodeReceipt(headers[HeaderName.Receipt]));
        }
        return { status: response.status, headers, text, receipts, sealed: false };
    }
    let pending = '';
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
        pending += Buffer.from(bytes).toString('utf8');
        for (let end = pending.indexOf('\n\n'); end !== -1; end = pending.indexOf('\n\n')) {
            const event = pending.slice(0, end + 2);
            pending = pending.slice(end + 2);
            const receipt = parseReceiptComment(event.slice(0, -2));
            if (receipt === null) {
                text += event;
                await options.onText?.(event);
            } else {
                receipts.push(receipt);
                await options.onReceipt?.(receipt);
            }
        }
    }
    return { status: response.status, headers, text, receipts, sealed: false };
}

async function readSealed(
    response: Response,
    opener: Awaited<ReturnType<typeof sealRequest>>['opener'],
    options: CallOptions,
): Promise<Answer> {
    const answer: Answer = { status: 0, headers: {}, text: '', receipts: [], sealed: true };
    for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
        for (const chunk of opener.push(bytes)) {
            if (chunk.kind === 'head') {
                answer.status = chunk.status;
                answer.headers = chunk.headers;
            } else if (chunk.kind === 'body') {
                answer.text += Buffer.from(chunk.bytes).toString('utf8');
                await options.onText?.(Buffer.from(chunk.bytes).toString('utf8'));
            } else if (chunk.kind === 'receipt') {
                answer.receipts.push(receiptFromJson(chunk.receipt));
                await options.onReceipt?.(receiptFromJson(chunk.receipt));
            }
        }
    }
    opener.finish();
    return answer;
}
