import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Address, Cell } from '@ton/core';
import { keyPairFromSeed } from '@ton/crypto';
import {
    amountOf,
    attestationContext,
    attestationDigest,
    batchPayload,
    catalogDeployment,
    codeHashOf,
    codeOf,
    ContractName,
    ContractNames,
    deliveryPayload,
    escrowDeployment,
    isAcceptableEd25519Key,
    isAcceptableX25519Key,
    jobDeployment,
    listingDeployment,
    packBatchMessage,
    packDelivery,
    packJobTerms,
    packOffer,
    packReceiptClaim,
    packSignedVoucher,
    packTerms,
    providerDeployment,
    receiptPayload,
    registryDeployment,
    reportDataOf,
    requestPayload,
    settlementDeployment,
    signPayload,
    unpackJobTerms,
    unpackOffer,
    unpackSignedVoucher,
    unpackTerms,
    verifyPayload,
    voucherPayload,
} from '../../wrappers';
import {
    addresses,
    addressOfHash,
    agreementOf,
    attestedKeysOf,
    bytes,
    cellOf,
    domainOf,
    hashes,
    jobOf,
    number,
    offerOf,
    PayloadVector,
    quad,
    TokensJson,
    vectors,
} from './files';
import { addressVectors, codeHashes, format, protocolVectors } from './generate';

const file = (name: string) => readFileSync(join(__dirname, name), 'utf8');
const advice = 'The contracts have changed. If that is meant: npx ts-node -T tests/vectors/generate.ts';

describe('the vector files', () => {
    it('payloads.json is what generate.ts makes', () => {
        expect(file('payloads.json')).toBe(format(protocolVectors()));
    });

    it('addresses.json is what generate.ts makes', async () => {
        const made = await addressVectors();
        expect({ advice, file: file('addresses.json') }).toEqual({ advice, file: format(made) });
    });

    it('code_hashes.json is what generate.ts makes: the build is the same everywhere', async () => {
        expect({ advice, ...hashes }).toEqual({ advice, ...(await codeHashes()) });
    });
});

describe('the code of a contract', () => {
    it.each(ContractNames)(
        '%s is the same in the bindings and the compiled file as in the golden hashes',
        async (name: ContractName) => {
            const [compiled] = Cell.fromBoc(
                readFileSync(join(__dirname, `../../build/${name}/${name}_${name}.code.boc`)),
            );
            expect({ advice, hash: compiled.hash().toString('hex') }).toEqual({ advice, hash: hashes[name] });
            expect({ advice, hash: (await codeHashOf(name)).toString('hex') }).toEqual({ advice, hash: hashes[name] });
            expect((await codeOf(name)).equals(compiled)).toBe(true);
        },
    );
});

/** Payload and travelling cell of a vector, built from its fields by the wrappers. */
function build({ kind, domain: domainJson, body, signature: signatureHex }: PayloadVector): {
    payload: Cell;
    message: Cell | null;
} {
    const domain = domainOf(domainJson);
    const signature = bytes(signatureHex);
    const text = (name: string) => body[name] as string;
    switch (kind) {
        case 'voucher': {
            const voucher = { cumulative: BigInt(text('cumulative')), receiptHash: number(text('receiptHash')) };
            return { payload: voucherPayload(domain, voucher), message: packSignedVoucher({ ...voucher, signature }) };
        }
        case 'receipt': {
            const receipt = {
                sequence: body.sequence as number,
                tokens: quad(body.tokens as TokensJson),
                amount: BigInt(text('amount')),
                transcriptHash: number(text('transcriptHash')),
            };
            return {
                payload: receiptPayload(domain, receipt),
                message: packReceiptClaim({ ...receipt, signature }, null),
            };
        }
        case 'batch': {
            const batch = {
                sequence: body.sequence as number,
                validUntil: body.validUntil as number,
                count: body.count as number,
                distribute: body.distribute as boolean,
                items: cellOf(text('items')),
            };
            return { payload: batchPayload(domain, batch), message: packBatchMessage(batch, signature) };
        }
        case 'delivery': {
            const delivery = { outcome: body.outcome as number, outputRoot: number(text('outputRoot')) };
            return { payload: deliveryPayload(domain, delivery), message: packDelivery(delivery, signature) };
        }
        case 'request': {
            const request = { validUntil: body.validUntil as number, requestDigest: number(text('requestDigest')) };
            return { payload: requestPayload(domain, request), message: null };
        }
    }
}

describe('the wrappers reproduce', () => {
    it.each(vectors.payloads.map((vector) => [vector.kind, vector.name, vector] as const))(
        '%s: %s',
        (_kind, _name, vector) => {
            const { payload, message } = build(vector);
            expect(payload.toBoc({ idx: false, crc32: true }).toString('hex')).toBe(vector.cell);
            expect(payload.hash().toString('hex')).toBe(vector.hash);
            const { secretKey, publicKey } = keyPairFromSeed(bytes(vectors.keys[vector.key].seed));
            expect(publicKey.toString('hex')).toBe(vectors.keys[vector.key].publicKey);
            expect(signPayload(payload, secretKey).toString('hex')).toBe(vector.signature);
            expect(verifyPayload(payload, bytes(vector.signature), publicKey)).toBe(true);
            expect(message?.toBoc({ idx: false, crc32: true }).toString('hex') ?? null).toBe(vector.message);
            if (vector.kind === 'voucher') {
                expect(packSignedVoucher(unpackSignedVoucher(message!)).equals(message!)).toBe(true);
            }
        },
    );

    it('payloads that differ in hash and signature, whatever differs in them', () => {
        expect(new Set(vectors.payloads.map(({ hash }) => hash)).size).toBe(vectors.payloads.length);
        expect(new Set(vectors.payloads.map(({ signature }) => signature)).size).toBe(vectors.payloads.length);
    });

    it.each(vectors.reportData.map((vector) => [vector.name, vector] as const))(
        'report_data: %s',
        (_name, vector) => {
            const keys = attestedKeysOf(vector);
            const provider = addressOfHash(vector.provider);
            expect(attestationDigest(provider, vector.globalId, keys).toString('hex')).toBe(vector.digest);
            expect(reportDataOf(provider, vector.globalId, keys).toString('hex')).toBe(vector.workerKey + vector.digest);
            expect(vector.reportData).toBe(vector.workerKey + vector.digest);
            const context = attestationContext(keys);
            expect(context.toBoc({ idx: false, crc32: true }).toString('hex')).toBe(vector.context);
            // By the specification, byte for byte.
            const globalId = (vector.globalId >>> 0).toString(16).padStart(8, '0');
            const { encryptionKey, evidenceHash, nonce } = vector;
            const preimage = '41545354' + globalId + '00' + vector.provider + encryptionKey + evidenceHash + nonce;
            expect(createHash('sha256').update(bytes(preimage)).digest('hex')).toBe(vector.digest);
        },
    );

    it('report_data that differ, whatever differs in them', () => {
        expect(new Set(vectors.reportData.map(({ digest }) => digest)).size).toBe(vectors.reportData.length);
    });

    it.each(vectors.amounts.map((vector) => [vector.name, vector] as const))(
        'amount: %s',
        (_name, { tokens, prices, amount }) => {
            expect(amountOf(quad(tokens), quad(prices)).toString()).toBe(amount);
        },
    );

    it.each(vectors.publicKeys.map((vector) => [vector.name, vector] as const))(
        'key: %s',
        (_name, { key, ed25519, x25519 }) => {
            expect({ ed25519: isAcceptableEd25519Key(bytes(key)), x25519: isAcceptableX25519Key(bytes(key)) }).toEqual({
                ed25519,
                x25519,
            });
        },
    );

    it.each(vectors.offers.map((vector) => [vector.name, vector] as const))(
        'offer: %s',
        (_name, { offer, cell, id }) => {
            expect(packOffer(offerOf(offer)).hash().toString('hex')).toBe(id);
            expect(packOffer(offerOf(offer)).equals(cellOf(cell))).toBe(true);
            expect(unpackOffer(cellOf(cell))).toEqual(offerOf(offer));
        },
    );

    it.each(vectors.terms.map((vector) => [vector.name, vector] as const))(
        'terms: %s',
        (_name, { agreement, cell, hash }) => {
            expect(packTerms(agreementOf(agreement)).hash().toString('hex')).toBe(hash);
            expect(packTerms(agreementOf(agreement)).equals(cellOf(cell))).toBe(true);
            expect(packTerms(unpackTerms(cellOf(cell))).equals(cellOf(cell))).toBe(true);
        },
    );

    it.each(vectors.jobs.map((vector) => [vector.name, vector] as const))(
        'terms of a job: %s',
        (_name, { agreement, cell, hash }) => {
            expect(packJobTerms(jobOf(agreement)).hash().toString('hex')).toBe(hash);
            expect(packJobTerms(jobOf(agreement)).equals(cellOf(cell))).toBe(true);
            expect(packJobTerms(unpackJobTerms(cellOf(cell))).equals(cellOf(cell))).toBe(true);
        },
    );

    it('addresses, from the registry down to an escrow, a job and a listing, and of a catalog', async () => {
        const { registry, providers, settlement, escrow, job, listing, catalog } = addresses;
        const { parameters } = registry;
        const deployment = await registryDeployment(addressOfHash(registry.governance), null, {
            registrationDeposit: BigInt(parameters.registrationDeposit),
            registrationFee: BigInt(parameters.registrationFee),
            feeBasisPoints: BigInt(parameters.feeBasisPoints),
            treasury: number(parameters.treasury),
            listingFee: BigInt(parameters.listingFee),
        });
        expect(deployment.address.toRawString()).toBe(registry.address);
        expect(deployment.init.data.equals(cellOf(registry.data))).toBe(true);
        for (const { index, address } of providers) {
            expect((await providerDeployment(deployment.address, BigInt(index))).address.toRawString()).toBe(address);
        }
        expect((await settlementDeployment(Address.parse(settlement.provider))).address.toRawString()).toBe(
            settlement.address,
        );
        const session = await escrowDeployment(
            bytes(escrow.sessionKey),
            Address.parse(escrow.settlement),
            cellOf(escrow.terms),
        );
        expect(session.address.toRawString()).toBe(escrow.address);
        expect(session.init.data.equals(cellOf(escrow.data))).toBe(true);
        const posted = await jobDeployment(cellOf(job.terms));
        expect(posted.address.toRawString()).toBe(job.address);
        expect(posted.init.data.equals(cellOf(job.data))).toBe(true);
        const listed = await listingDeployment(deployment.address, BigInt(listing.index));
        expect(listed.address.toRawString()).toBe(listing.address);
        expect(listed.init.data.equals(cellOf(listing.data))).toBe(true);
        const list = await catalogDeployment(addressOfHash(catalog.curator), BigInt(catalog.salt), catalog.delay);
        expect(list.address.toRawString()).toBe(catalog.address);
        expect(list.init.data.equals(cellOf(catalog.data))).toBe(true);
    });
});
