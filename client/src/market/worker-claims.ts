import { ProviderInfo } from '../chain/providers';
import { reasonOf } from '../errors';
import { askWorker } from '../find';
import { parseJson, WorkerApi } from '../session/worker-api';
import { WorkerClaims } from './types';

/** The longest text of a worker that is kept. */
const MaxText = 120;

/** Asks a worker for what no contract knows. Its answers are its own words, and it may not answer at all. */
export async function readClaims(
    provider: Pick<ProviderInfo, 'address' | 'endpoint'>,
    globalId: number,
    signal?: AbortSignal,
): Promise<WorkerClaims> {
    try {
        const { said, latency } = await askWorker(provider, globalId, signal);
        return {
            answered: true,
            latency,
            ...(await health(provider.endpoint, signal)),
            models: said.offers.map(({ terms, name, contextLength }) => ({
                model: terms.model.toString('hex'),
                name: name.slice(0, MaxText),
                contextLength,
            })),
        };
    } catch (error) {
        signal?.throwIfAborted();
        return { answered: false, reason: reasonOf(error).slice(0, 4 * MaxText) };
    }
}

async function health(endpoint: string, signal?: AbortSignal) {
    const answer = await new WorkerApi(endpoint).get({ method: 'GET', url: `${endpoint}/health`, signal: signal ?? null });
    const said = (parseJson(await answer.text()) ?? {}) as Record<string, unknown>;
    const [slots, running, waiting] = [count(said.slots), count(said.running), count(said.waiting)];
    return {
        health: typeof said.status === 'string' ? said.status.slice(0, MaxText) : null,
        slots,
        running,
        waiting,
        busy: slots === null || running === null || slots === 0 ? null : Math.min(1, running / slots),
    };
}

function count(value: unknown): number | null {
    return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}
