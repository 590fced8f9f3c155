import { Address, beginCell, Cell, contractAddress, Dictionary, StateInit } from '@ton/core';
import { MaxDelay, MeasurementCatalog, MinDelay, storeCatalogIdentity, storeCatalogState } from './measurement_catalog';
import { JobEscrow } from './job_escrow';
import { JobListing, storeListingIdentity } from './job_listing';
import { Provider, storeProviderIdentity } from './provider';
import { RewardSettlement, storeSettlementIdentity } from './reward_settlement';
import { SessionEscrow } from './session_escrow';
import {
    Parameters,
    ProviderRegistry,
    storeConstitution,
    storeParameters,
    storeRegistryState,
} from './provider_registry';
import { bigIntToHash, hashToBigInt } from './payloads';

/** @returns the basechain address of an account hash, as contracts store it. */
export function addressOf(account: bigint): Address {
    return new Address(0, bigIntToHash(account));
}

/**
 * @returns the account hash of an address, as contracts store it.
 * @throws RangeError outside the basechain: the contracts know no other workchain.
 */
export function accountOf(address: Address): bigint {
    if (address.workChain !== 0) {
        throw new RangeError(
            `${address.toRawString()} is not in the basechain (workchain 0): use a basechain address.`,
        );
    }
    return hashToBigInt(address.hash);
}

/** A contract that is not deployed yet, or whose address has to be proven. */
export type Deployment = { address: Address; init: StateInit & { code: Cell; data: Cell } };

function deployment(init: { code: Cell; data: Cell }): Deployment {
    return { address: contractAddress(0, init), init };
}

/**
 * @param governance who may propose parameters.
 * @param verifier the AttestationVerifier; null in a network that has only tier open.
 */
export async function registryDeployment(
    governance: Address,
    verifier: Address | null,
    parameters: Omit<Parameters, '$$type'>,
): Promise<Deployment> {
    const state = beginCell().store(
        storeRegistryState({
            $$type: 'RegistryState',
            providerCount: 0n,
            jobCount: 0n,
            parameters: beginCell()
                .store(storeParameters({ $$type: 'Parameters', ...parameters }))
                .endCell(),
            constitution: beginCell()
                .store(
                    storeConstitution({
                        $$type: 'Constitution',
                        governance: accountOf(governance),
                        verifier: verifier === null ? 0n : accountOf(verifier),
                        proposals: null,
                    }),
                )
                .asSlice(),
        }),
    );
    return deployment(await ProviderRegistry.init(state.asSlice()));
}

/** @returns provider number `index` of a registry: the same as its getter provider_address(index). */
export async function providerDeployment(registry: Address, index: bigint): Promise<Deployment> {
    return deployment(
        await Provider.init(
            beginCell()
                .store(storeProviderIdentity({ $$type: 'ProviderIdentity', registry: accountOf(registry), index }))
                .asSlice(),
        ),
    );
}

/** @returns the RewardSettlement of a provider. */
export async function settlementDeployment(provider: Address): Promise<Deployment> {
    return deployment(
        await RewardSettlement.init(
            beginCell()
                .store(storeSettlementIdentity({ $$type: 'SettlementIdentity', provider: accountOf(provider) }))
                .asSlice(),
        ),
    );
}

/**
 * @param sessionKey the client's Ed25519 public key for vouchers and requests.
 * @param settlement the provider's RewardSettlement.
 * @param terms `packTerms(...)`.
 */
export async function escrowDeployment(sessionKey: Buffer, settlement: Address, terms: Cell): Promise<Deployment> {
    // The state of an escrow where nothing is agreed (contracts/session/state.tact): it makes the address.
    const state = beginCell()
        .storeUint(0, 64 + 32 + 64)
        .storeBuffer(sessionKey, 32)
        .storeBuffer(settlement.hash, 32)
        .storeRef(terms);
    return deployment(await SessionEscrow.init(state.asSlice()));
}

/** @param terms `packJobTerms(...)`. @returns the JobEscrow of these terms. */
export async function jobDeployment(terms: Cell): Promise<Deployment> {
    // The state of a job that was not posted (contracts/job/state.tact): it makes the address.
    const state = beginCell().storeUint(0, 64 + 8 + 32).storeRef(terms).storeBit(false);
    return deployment(await JobEscrow.init(state.asSlice()));
}

/** @returns entry number `index` of a registry's list of jobs: the same as its getter listing_address(index). */
export async function listingDeployment(registry: Address, index: bigint): Promise<Deployment> {
    const identity = beginCell().store(
        storeListingIdentity({ $$type: 'ListingIdentity', registry: accountOf(registry), index }),
    );
    return deployment(await JobListing.init(identity.asSlice()));
}

/**
 * @param curator who lists measurements; part of the address, so it never changes.
 * @param salt uint64; lets one curator keep several catalogs.
 * @param delay seconds from the announcement of a measurement until it is trusted, 86,400 to 2,592,000.
 * @throws RangeError for another delay: such a catalog would refuse every message and answer no getter.
 */
export async function catalogDeployment(curator: Address, salt: bigint, delay: number): Promise<Deployment> {
    if (!(delay >= MinDelay && delay <= MaxDelay)) {
        throw new RangeError(`A catalog's delay is ${MinDelay} to ${MaxDelay} seconds, not ${delay}.`);
    }
    const identity = beginCell().store(
        storeCatalogIdentity({
            $$type: 'CatalogIdentity',
            curator: accountOf(curator),
            salt,
            delay: BigInt(delay),
        }),
    );
    const state = beginCell().store(
        storeCatalogState({
            $$type: 'CatalogState',
            closed: false,
            count: 0n,
            measurements: Dictionary.empty(Dictionary.Keys.BigUint(256), Dictionary.Values.Cell()),
            identity: identity.asSlice(),
        }),
    );
    return deployment(await MeasurementCatalog.init(state.asSlice()));
}
