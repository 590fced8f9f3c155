import { fromNano } from '@ton/core';
import { CoinSymbol } from '@ton-compute/contracts';

import { TestRootWarning } from './attestation/verifier';
import { WorkerConfig } from './config/schema';
import { EngineModel } from './engine';
import type { Worker } from './worker';

function tierLines(worker: Worker): [string, string][] {
    const { attestation } = worker.stats();
    if (attestation === null) {
        return [['tier', 'open: no enclave, no promise of privacy']];
    }
    const { root, verifier, gasWallet } = attestation;
    return [
        ['tier', `tdx: quotes are verified by ${verifier}; open until one is accepted`],
        ['root', root === 'production' ? 'PRODUCTION: Intel SGX Root CA' : TestRootWarning],
        ['gas', `${gasWallet} pays for quotes`],
    ];
}

function modelLines(model: EngineModel, offers: Worker['provider']['offers']): [string, string][] {
    const prices = offers
        .filter((offer) => offer.model.toString('hex') === model.weightsHash)
        .map(({ prices: { prompt, cached, completion, reasoning } }) =>
            [
                `prompt ${fromNano(prompt)}`,
                `cached ${fromNano(cached)}`,
                `completion ${fromNano(completion)}`,
                `reasoning ${fromNano(reasoning)}`,
            ].join(', '),
        );
    return [
        ['model', `${model.id} (${model.architecture}, ${model.contextLength} tokens of context)`],
        ['weights', `SHA-256 ${model.weightsHash}`],
        ['price', prices.length === 0 ? 'no offer for this model yet' : `${prices.join('; ')} (${CoinSymbol} per million tokens)`],
    ];
}

/** @returns the lines that a person sees when the worker has started. */
export function describeWorker(worker: Worker, config: WorkerConfig): string {
    const { device, provider } = worker;
    const lines: [string, string][] = [
        ...worker.models.flatMap((model) => modelLines(model, provider.offers)),
        ['device', `${device.backend}: ${device.note}`],
        ...tierLines(worker),
        ['provider', `${provider.address.toString()} (number ${provider.index})`],
        ['endpoint', `${config.provider.publicEndpoint ?? provider.endpoint}, listening at ${worker.url}`],
        ['requests', config.provider.plain ? 'sealed and plain' : 'sealed only'],
    ];
    return lines.map(([name, text]) => `${name.padEnd(9)} ${text}\n`).join('');
}
