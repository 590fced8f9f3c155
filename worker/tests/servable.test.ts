import { randomBytes } from 'node:crypto';
import { Address } from '@ton/core';

import { EscrowSnapshot } from '../src/chain/escrow';
import { EngineModel } from '../src/engine';
import { SigningKey } from '../src/keys/ed25519';
import { newSessionRecord } from '../src/ledger/sessions';
import { requireServable } from '../src/sessions/servable';
import { Session } from '../src/sessions/session';
import { TestOffer } from './support/offers';

const Now = 1_800_000_000;
const Margin = 300;
const worker = new SigningKey(randomBytes(32));
const address = new Address(0, randomBytes(32));
const models: EngineModel[] = [
    {
        id: 'tiny-chat',
        weightsHash: TestOffer.model.toString('hex'),
        contextLength: 256,
        supports: { chat: true, embeddings: true },
        embeddingDimension: 128,
        weightsBytes: 1,
        architecture: 'llama',
    },
];

/** A session as it was read at `Now`. */
function session(changes: Partial<EscrowSnapshot> = {}): Session {
    const snapshot: EscrowSnapshot = {
        address,
        status: 'open',
        openedLt: 5n,
        claimed: 0n,
        balance: 1000n,
        reserve: 1n,
        deadline: 0,
        sessionKey: new SigningKey(randomBytes(32)).publicKey,
        settlement: address,
        workerKey: worker.publicKey,
        attestedUntil: 0,
        agreement: {
            provider: address,
            client: address,
            salt: 0n,
            creditWindow: 0n,
            closeWindow: 900,
            leastTier: 0,
            acceptedTcbStatuses: 0,
            measurement: null,
            offer: TestOffer,
        },
        readAt: Now,
        ...changes,
    };
    return new Session(snapshot, newSessionRecord({ escrow: address, openedLt: 5n }, 0n), -3, () => Now);
}

function serve(subject: Session, now = Now): EngineModel {
    return requireServable(subject, { models, workerKey: worker.publicKey, closeMargin: Margin }, now);
}

describe('A session is served', () => {
    it('by the model that its terms name', () => {
        expect(serve(session())).toBe(models[0]);
    });

    it('as long as no close window that began after its last reading can end, less the margin', () => {
        expect(serve(session(), Now + 900 - Margin - 1)).toBe(models[0]);
        expect(() => serve(session(), Now + 900 - Margin)).toThrow(
            expect.objectContaining({ code: 'chain_unavailable' }),
        );
    });

    it.each<[string, Partial<EscrowSnapshot>, string]>([
        ['it is closing', { status: 'closing' }, 'session_not_open'],
        ['another worker key is in its snapshot', { workerKey: randomBytes(32) }, 'unknown_session'],
        [
            'its model is not loaded',
            { agreement: { ...session().snapshot.agreement, offer: { ...TestOffer, model: randomBytes(32) } } },
            'model_not_found',
        ],
    ])('not when %s', (_name, changes, code) => {
        expect(() => serve(session(changes))).toThrow(expect.objectContaining({ code }));
    });
});
