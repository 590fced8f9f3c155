/** Networks that `init` knows by name, and their public APIs. */
export const Networks = {
    testnet: 'https://testnet.toncenter.com/api/v2/jsonRPC',
    mainnet: 'https://toncenter.com/api/v2/jsonRPC',
    devnet: 'http://127.0.0.1:8081/api/v2/jsonRPC',
} as const;

export type NetworkName = keyof typeof Networks;

/** Calls in a second that public toncenter allows without a key. */
export const PublicRate = 1;

export function isPublicApi(endpoint: string): boolean {
    return /(^|\.)toncenter\.com$/.test(new URL(endpoint).hostname);
}

/** @returns whether the network runs on this machine. */
export function isLocal(endpoint: string): boolean {
    return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(endpoint).hostname);
}

/** @returns the options that make Blueprint send to this network. */
export function blueprintOptions(endpoint: string): string {
    const named = (['testnet', 'mainnet'] as const).find((name) => Networks[name] === endpoint);
    if (named !== undefined) {
        return `--${named}`;
    }
    return `--custom ${endpoint.replace(/jsonRPC$/, '')} --custom-version v2 --custom-type custom --mnemonic`;
}
