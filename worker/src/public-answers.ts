import { offersToJson } from '@ton-compute/protocol';

import { WorkerConfig } from './config/schema';
import { PublicAnswers } from './http/server';
import { Office } from './office';
import type { Worker } from './worker';

/** What anyone may know of a worker. */
export function publicAnswers(config: WorkerConfig, office: Office, worker: Worker): PublicAnswers {
    const created = office.chain.now();
    return {
        health: () => {
            const { status, reasons, slots, running, waiting } = worker.stats();
            return { status: status === 'draining' ? 503 : 200, body: { status, reasons, slots, running, waiting } };
        },
        models: () => ({
            object: 'list',
            data: worker.models.map(({ id }) => ({ id, object: 'model', created, owned_by: 'provider' })),
        }),
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
        // Tier open has no evidence to show; with tier tdx it will be here.
        attestation: () => ({ tier: 'open', quote: null, evidence: null }),
    };
}
