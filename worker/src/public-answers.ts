import { hashToBigInt, reportDataOf } from '@ton-compute/contracts';
import { offersToJson } from '@ton-compute/protocol';

import { Attestation } from './attestation/open';
import { TestRootWarning } from './attestation/verifier';
import { WorkerConfig } from './config/schema';
import { PublicAnswers } from './http/server';
import { Office } from './office';
import { WireError } from './wire-error';
import type { Worker } from './worker';

/** What anyone may know of a worker. */
export function publicAnswers(
    config: WorkerConfig,
    office: Office,
    worker: Worker,
    attestation: Attestation | null,
): PublicAnswers {
    const created = office.chain.now();
    const models = () => worker.models.map(({ id }) => ({ id, object: 'model', created, owned_by: 'provider' }));
    return {
        health: () => {
            const { status, reasons, slots, running, waiting } = worker.stats();
            const body = { status, reasons, slots, running, waiting, ...attestationHealth(worker) };
            return { status: status === 'draining' ? 503 : 200, body };
        },
        ready: () => {
            const { notReady: reasons } = worker.stats();
            const ready = reasons.length === 0;
            return { status: ready ? 200 : 503, body: { ready, reasons } };
        },
        models: () => ({ object: 'list', data: models() }),
        model: (id) => {
            const model = models().find((known) => known.id === id);
            if (model === undefined) {
                const ids = models().map((known) => known.id);
                throw new WireError('model_not_found', `There is no such model here. Ask for: ${ids.join(', ')}.`, {
                    param: 'model',
                });
            }
            return model;
        },
        offer: () => {
            const { provider } = worker;
            return offersToJson({
                provider: provider.address,
                registry: provider.registry,
                globalId: office.globalId,
                endpoint: config.provider.publicEndpoint ?? provider.endpoint,
                offers: provider.offers.flatMap((terms) => {
                    const hash = terms.model.toString('hex');
                    const model = worker.models.find(({ weightsHash }) => weightsHash === hash);
                    return model === undefined ? [] : [{ terms, name: model.id, contextLength: model.contextLength }];
                }),
            });
        },
        attestation: () => attestationAnswer(office, attestation),
    };
}

/** Whoever looks at the health of a worker with a test root shall see it. */
function attestationHealth(worker: Worker): object {
    const { tier, attestation } = worker.stats();
    if (attestation === null) {
        return { tier };
    }
    const { root, attestedUntil } = attestation;
    return {
        tier,
        attested_until: attestedUntil,
        root,
        ...(root === 'test' ? { warning: TestRootWarning } : {}),
    };
}

/** The evidence that the record on the chain rests on, as docs/wire.md says it. @throws {WireError} not_found. */
function attestationAnswer({ provider, globalId }: Office, attestation: Attestation | null): unknown {
    if (attestation === null) {
        throw new WireError('not_found', 'This worker runs in tier open: there is no enclave, so there is no quote.');
    }
    const { attester, evidence, verifier } = attestation;
    const { quote } = attester;
    if (quote === null) {
        throw new WireError(
            'not_found',
            'This worker is not attested at the moment, so it has no quote to show. /health says why; try again later.',
        );
    }
    const { workerKey, encryptionKey, evidenceHash, nonce } = quote;
    const keys = { workerKey, encryptionKey, evidenceHash, nonce: hashToBigInt(nonce) };
    return {
        quote: quote.quote.toString('base64'),
        report_data: reportDataOf(provider.address, globalId, keys).toString('hex'),
        context: {
            encryption_key: encryptionKey.toString('hex'),
            evidence_hash: evidenceHash.toString('hex'),
            nonce: nonce.toString('hex'),
        },
        evidence: evidence.bytes?.toString('base64') ?? null,
        provider: provider.address.toString(),
        verifier: verifier.address.toString(),
        root: verifier.root,
        attested_until: quote.until,
    };
}
