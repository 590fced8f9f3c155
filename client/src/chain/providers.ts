import { Address, Cell } from '@ton/core';
import {
    addressOf,
    bigIntToHash,
    isAcceptableEd25519Key,
    isAcceptableX25519Key,
    OfferTerms,
    packOffer,
    Provider,
    providerDeployment,
    ProviderRegistry,
    ProviderStatus,
    settlementDeployment,
    TrackRecord,
    unpackOffer,
} from '@ton-compute/contracts';
import { ClientError } from '../errors';
import { Chain } from './chain';

/** What the chain says of a provider. */
export type ProviderInfo = {
    address: Address;
    index: bigint;
    status: 'new' | 'active' | 'retired';
    owner: Address;
    /** Derived from the provider's address, not read. */
    settlement: Address;
    workerKey: Buffer;
    encryptionKey: Buffer;
    /** URL without a trailing slash. */
    endpoint: string;
    /** 0 open, 1 tdx. */
    tier: number;
    /** Unix seconds; 0 without a record. */
    attestedUntil: number;
    tcbStatus: number;
    measurement: Buffer;
    /** The network's AttestationVerifier; null in a network that has only tier open. */
    verifier: Address | null;
    /** SHA-256 of the machine's PPID, 32 bytes: zeros without a record. */
    machineId: Buffer;
    /** What the chain counted: sessions, volume, jobs, fees, attested time. */
    record: TrackRecord;
    /** Sessions that ended and the nanoTON that they and jobs paid: the same as in the record. */
    sessions: number;
    volume: bigint;
    offers: OfferTerms[];
};

/** A provider whose endpoint was not looked at: jobs do not need it. */
export type ProviderState = Omit<ProviderInfo, 'endpoint'> & {
    /** As its owner wrote it: any text. */
    endpointText: string;
};

const StatusName = {
    [ProviderStatus.New]: 'new',
    [ProviderStatus.Active]: 'active',
    [ProviderStatus.Retired]: 'retired',
} as const;

/** @returns how many providers were ever registered. */
export async function readProviderCount(chain: Chain, registry: Address): Promise<bigint> {
    const { status } = await chain.account(registry);
    if (status !== 'active') {
        throw new ClientError(
            'wrong_network',
            `There is no registry at ${registry.toString()} (the account is ${status}). Check the address and the ` +
                'network.',
        );
    }
    return chain.open(ProviderRegistry.ProviderRegistry.fromAddress(registry)).getProviderCount();
}

/**
 * Reads a provider and checks all of it that can be recomputed: its address from registry and number, its code, its
 * settlement, its keys and the form of its offers. An API that lies about any of these is noticed.
 * @throws ClientError `provider_refused` saying what is odd.
 */
export async function readProvider(chain: Chain, registry: Address, index: bigint): Promise<ProviderInfo> {
    const { endpointText, ...state } = await readProviderState(chain, registry, index);
    return { ...state, endpoint: checkEndpoint(state.address, endpointText) };
}

/**
 * The same as {@link readProvider}, but for the endpoint: it is returned as it is.
 * @throws ClientError `provider_refused` saying what is odd.
 */
export async function readProviderState(chain: Chain, registry: Address, index: bigint): Promise<ProviderState> {
    const { address, init } = await providerDeployment(registry, index);
    const account = await chain.account(address);
    if (account.status !== 'active' || account.code === null) {
        throw refused(address, `its account is ${account.status}`);
    }
    if (!account.code.hash().equals(init.code.hash())) {
        throw refused(address, 'its code is not the known provider code');
    }
    const data = await chain.open(Provider.Provider.fromAddress(address)).getProviderData();
    if (data.index !== index || !addressOf(data.registry).equals(registry)) {
        throw refused(address, 'it names another registry or number than its address proves');
    }
    const settlement = (await settlementDeployment(address)).address;
    if (!addressOf(data.settlement).equals(settlement)) {
        throw refused(address, 'its settlement is not the one derived from its address');
    }
    const workerKey = bigIntToHash(data.workerKey);
    const encryptionKey = bigIntToHash(data.encryptionKey);
    if (!isAcceptableEd25519Key(workerKey) || !isAcceptableX25519Key(encryptionKey)) {
        throw refused(address, 'one of its keys is of small order or not canonically encoded');
    }
    return {
        address,
        index,
        status: StatusName[Number(data.status) as keyof typeof StatusName],
        owner: addressOf(data.owner),
        settlement,
        workerKey,
        encryptionKey,
        endpointText: textOf(data.endpoint),
        tier: Number(data.tier),
        attestedUntil: Number(data.attestedUntil),
        tcbStatus: Number(data.tcbStatus),
        measurement: bigIntToHash(data.measurement),
        verifier: data.verifier === 0n ? null : addressOf(data.verifier),
        machineId: bigIntToHash(data.machineId),
        record: {
            sessions: Number(data.sessions),
            volume: data.volume,
            jobsDelivered: Number(data.jobsDelivered),
            jobsFailed: Number(data.jobsFailed),
            jobsDeclined: Number(data.jobsDeclined),
            feesRemitted: data.feesRemitted,
            attestedSeconds: data.attestedSeconds,
        },
        sessions: Number(data.sessions),
        volume: data.volume,
        offers: data.offers.keys().map((id) => readOffer(address, id, data.offers.get(id)!)),
    };
}

/**
 * @returns the provider at an address.
 * @throws ClientError `provider_refused` when it is not one of this registry's.
 */
export async function readProviderAt(chain: Chain, registry: Address, address: Address): Promise<ProviderInfo> {
    const account = await chain.account(address);
    if (account.status !== 'active') {
        throw refused(address, `its account is ${account.status}`);
    }
    const { index } = await chain.open(Provider.Provider.fromAddress(address)).getProviderData();
    const info = await readProvider(chain, registry, index);
    if (!info.address.equals(address)) {
        throw refused(address, 'it is not a provider of this registry');
    }
    return info;
}

function refused(address: Address, reason: string): ClientError {
    return new ClientError('provider_refused', `Provider ${address.toString()} cannot be used: ${reason}.`, {
        provider: address.toRawString(),
    });
}

function textOf(cell: Cell): string {
    const slice = cell.beginParse();
    return slice.loadBuffer(Math.floor(slice.remainingBits / 8)).toString('utf8');
}

/** @returns the URL without a trailing slash. @throws ClientError `provider_refused`. */
export function checkEndpoint(address: Address, text: string): string {
    let url: URL;
    try {
        url = new URL(text);
    } catch {
        throw refused(address, 'its endpoint is no URL');
    }
    if (
        (url.protocol !== 'https:' && url.protocol !== 'http:') ||
        url.username !== '' ||
        url.search !== '' ||
        url.hash !== ''
    ) {
        throw refused(address, `its endpoint ${JSON.stringify(text.slice(0, 127))} is no plain http(s) URL`);
    }
    return url.href.replace(/\/+$/, '');
}

function readOffer(address: Address, id: bigint, cell: Cell): OfferTerms {
    const offer = unpackOffer(cell);
    // The dictionary names an offer by the hash of its cell; repacking shows that there is nothing else in it.
    if (!packOffer(offer).hash().equals(bigIntToHash(id))) {
        throw refused(address, 'one of its offers is not named by its hash');
    }
    return offer;
}
