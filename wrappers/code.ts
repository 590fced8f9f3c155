import { beginCell, Cell } from '@ton/core';
import { AttestationVerifier } from './attestation_verifier';
import { CrlBuilder } from './crl_builder';
import { JobEscrow } from './job_escrow';
import { JobListing } from './job_listing';
import { MeasurementCatalog } from './measurement_catalog';
import { PlatformKey } from './platform_key';
import { Provider } from './provider';
import { ProviderRegistry } from './provider_registry';
import { RewardSettlement } from './reward_settlement';
import { SessionEscrow } from './session_escrow';

const Contracts = {
    ProviderRegistry,
    Provider,
    SessionEscrow,
    RewardSettlement,
    JobEscrow,
    JobListing,
    AttestationVerifier,
    PlatformKey,
    CrlBuilder,
    MeasurementCatalog,
} as const;

/** The contracts of a network. */
export type ContractName = keyof typeof Contracts;

/** All contract names, in the order in which their code depends on each other. */
export const ContractNames = Object.keys(Contracts) as readonly ContractName[];

/** @returns the code that this release deploys as `name`. */
export async function codeOf(name: ContractName): Promise<Cell> {
    return (await Contracts[name].init(beginCell().asSlice())).code;
}

/**
 * @returns the hash of {@link codeOf}, 32 bytes: compare it with the code hash that an explorer or an API shows, to
 * know that an account runs the code of this release. tests/vectors/code_hashes.json lists the hashes of this release.
 */
export async function codeHashOf(name: ContractName): Promise<Buffer> {
    return (await codeOf(name)).hash();
}
