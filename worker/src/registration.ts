import { WorkerKeys } from './keys/keys';

/** What the owner has to put into the provider contract, 64 hexadecimal digits each. */
export type PublicKeys = { workerKey: string; encryptionKey: string };

export function publicKeysOf(keys: WorkerKeys): PublicKeys {
    return {
        workerKey: keys.worker.publicKey.toString('hex'),
        encryptionKey: keys.encryption.publicKey.toString('hex'),
    };
}

/** @returns the command with which the owner of a provider sets the keys of its worker. */
export function setKeysCommand(provider: string, keys: PublicKeys): string {
    const { workerKey, encryptionKey } = keys;
    return `${updateProvider(provider)} workerKey=${workerKey} encryptionKey=${encryptionKey}`;
}

/** @returns the command with which the owner of a provider offers a model; it asks for the prices. */
export function addOfferCommand(provider: string, weightsHash: string): string {
    return `${updateProvider(provider)} addModel=${weightsHash}`;
}

/** @returns the command with which the owner of a provider changes its endpoint. */
export function setEndpointCommand(provider: string, endpoint: string): string {
    return `${updateProvider(provider)} endpoint=${endpoint}`;
}

/** @returns the command with which the owner of a provider lets a wallet send quotes for it. */
export function setAttesterCommand(provider: string, wallet: string): string {
    return `${updateProvider(provider)} attester=${wallet}`;
}

/**
 * @param endpoint URL of the worker; null: the script asks for it.
 * @param registry address; left out: the script asks for it.
 * @returns the command with which the owner's wallet registers a provider for this worker.
 */
export function registerCommand(keys: PublicKeys, endpoint: string | null, registry?: string): string {
    const { workerKey, encryptionKey } = keys;
    return [
        'npx blueprint run registerProvider',
        ...(registry === undefined ? [] : [`registry=${registry}`]),
        `workerKey=${workerKey} encryptionKey=${encryptionKey}`,
        ...(endpoint === null ? [] : [`endpoint=${endpoint}`]),
    ].join(' ');
}

/** @param inputs of the script: `amount` refills the fee float, `dailyCap` is what may be spent of it in a day. */
export function setFeesCommand(provider: string, inputs: string): string {
    return `npx blueprint run fundFees provider=${provider} ${inputs}`;
}

function updateProvider(provider: string): string {
    return `npx blueprint run updateProvider provider=${provider}`;
}
