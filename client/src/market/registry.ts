import { Address } from '@ton/core';
import { addressOf, codeHashOf, ProviderRegistry } from '@ton-compute/contracts';
import { Chain } from '../chain/chain';
import { ClientError } from '../errors';
import { rootOf } from '../trust';
import { RegistryView } from './types';

/** @throws ClientError `wrong_network` when there is no registry of this release. */
export async function readRegistry(chain: Chain, registry: Address): Promise<RegistryView> {
    const { status, code } = await chain.account(registry);
    if (status !== 'active' || code === null) {
        throw new ClientError(
            'wrong_network',
            `There is no registry at ${registry.toString()} (the account is ${status}). Check the address, and whether ` +
                'the API belongs to the same network (mainnet, testnet, local).',
        );
    }
    const expected = await codeHashOf('ProviderRegistry');
    if (!code.hash().equals(expected)) {
        throw new ClientError(
            'wrong_network',
            `The account at ${registry.toString()} is not a ProviderRegistry of this release: its code is ` +
                `${code.hash().toString('hex')}, expected ${expected.toString('hex')}. Check the address, or use the ` +
                'release that the network was deployed with.',
        );
    }
    const data = await chain.open(ProviderRegistry.ProviderRegistry.fromAddress(registry)).getRegistryData();
    const verifier = data.verifier === 0n ? null : addressOf(data.verifier);
    const root = await rootOf(chain, verifier);
    return {
        address: registry,
        providerCount: Number(data.providerCount),
        jobCount: Number(data.jobCount),
        feeBasisPoints: Number(data.feeBasisPoints),
        registrationDeposit: data.registrationDeposit,
        registrationFee: data.registrationFee,
        listingFee: data.listingFee,
        verifier,
        root: typeof root === 'string' ? root : null,
    };
}
