import { Address, Cell } from '@ton/core';
import {
    addressOf,
    bigIntToHash,
    OfferTerms,
    Provider,
    providerDeployment,
    ProviderStatus,
    Tier,
    unpackOffer,
} from '@ton-compute/contracts';

import { StartError } from '../errors';
import { Chain } from './chain';

/** What the provider contract says of this worker. */
export type ProviderRecord = {
    address: Address;
    registry: Address;
    index: bigint;
    owner: Address;
    settlement: Address;
    /** 32 bytes. */
    workerKey: Buffer;
    /** 32 bytes. */
    encryptionKey: Buffer;
    /** URL under which clients look for the worker. */
    endpoint: string;
    active: boolean;
    tier: 'open' | 'tdx';
    offers: OfferTerms[];
    /** The network's AttestationVerifier; null in a network that has only tier open. */
    verifier: Address | null;
    /** Who may send quotes beside the owner; null: nobody. */
    attester: Address | null;
    /** The last attestation record; it may have expired. */
    attestation: AttestationRecord | null;
};

/** What the chain says of the attested machine; hashes have 32 bytes. */
export type AttestationRecord = {
    /** Unix seconds. */
    until: number;
    tcbStatus: number;
    measurement: Buffer;
    /** SHA-256 of the GPU evidence; zeros for none. */
    evidenceHash: Buffer;
    machineId: Buffer;
};

/** Which provider this worker is: by address, or by number in its registry. */
export type ProviderName = { address: Address } | { registry: Address; index: bigint };

/** @returns the provider's address. */
export async function locateProvider(name: ProviderName): Promise<Address> {
    return 'address' in name ? name.address : (await providerDeployment(name.registry, name.index)).address;
}

/**
 * Reads the provider and proves that it is one: code and address must be those of a provider of its registry.
 * @throws {StartError} when nothing, or something else, is at the address.
 */
export async function readProvider(chain: Chain, address: Address): Promise<ProviderRecord> {
    const { code } = await chain.account(address);
    if (code === null) {
        throw new StartError(
            `No contract is at the provider's address ${address.toString()}. Check the address and the network, or ` +
                'register the provider first.',
        );
    }
    const expected = await providerDeployment(address, 0n);
    if (!code.hash().equals(expected.init.code.hash())) {
        throw new StartError(
            `The contract at ${address.toString()} is not a provider of this version: its code hash is ` +
                `${code.hash().toString('hex')}, expected ${expected.init.code.hash().toString('hex')}.`,
        );
    }
    const data = await chain.open(Provider.Provider.fromAddress(address)).getProviderData();
    const registry = addressOf(data.registry);
    if (!(await providerDeployment(registry, data.index)).address.equals(address)) {
        throw new StartError(`${address.toString()} is not the provider that it says it is. Check the address.`);
    }
    return {
        address,
        registry,
        index: data.index,
        owner: addressOf(data.owner),
        settlement: addressOf(data.settlement),
        workerKey: bigIntToHash(data.workerKey),
        encryptionKey: bigIntToHash(data.encryptionKey),
        endpoint: endpointText(data.endpoint),
        active: data.status === BigInt(ProviderStatus.Active),
        tier: data.tier === BigInt(Tier.Tdx) ? 'tdx' : 'open',
        offers: data.offers.values().map(unpackOffer),
        verifier: accountOrNull(data.verifier),
        attester: accountOrNull(data.attester),
        attestation:
            data.attestedUntil === 0n
                ? null
                : {
                      until: Number(data.attestedUntil),
                      tcbStatus: Number(data.tcbStatus),
                      measurement: bigIntToHash(data.measurement),
                      evidenceHash: bigIntToHash(data.evidenceHash),
                      machineId: bigIntToHash(data.machineId),
                  },
    };
}

function accountOrNull(account: bigint): Address | null {
    return account === 0n ? null : addressOf(account);
}

function endpointText(cell: Cell): string {
    const slice = cell.beginParse();
    return slice.loadBuffer(Math.floor(slice.remainingBits / 8)).toString('utf8');
}
