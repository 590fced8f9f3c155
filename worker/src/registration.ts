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

function updateProvider(provider: string): string {
    return `npx blueprint run updateProvider provider=${provider}`;
}
