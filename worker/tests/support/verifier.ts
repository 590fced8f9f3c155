import { Address, Cell, toNano } from '@ton/core';
import { collateralMessages, P256Key, parseCollateral } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { accountOf, Provider, verifierDeployment } from '@ton-compute/contracts';
import { Devnet } from '@ton-compute/devnet';

import { TestNetwork } from './network';

/** Far more than any message costs: the rest comes back. */
const Plenty = toNano('3');

/** The chain's clock. */
export async function clockOf(devnet: Devnet): Promise<number> {
    return (await devnet.info()).time;
}

export async function sendTo(devnet: Devnet, to: Address, body: Cell, init?: { code: Cell; data: Cell }): Promise<void> {
    await devnet.wallets[0].sender(devnet.client()).send({ to, value: Plenty, body, init, bounce: init === undefined });
}

/** Deploys the verifier of a root. */
export async function deployVerifier(devnet: Devnet, root: P256Key): Promise<Address> {
    const { address, init } = await verifierDeployment(root);
    await sendTo(devnet, address, Cell.EMPTY, init);
    return address;
}

/** Teaches a verifier an authority's collateral. */
export async function addCollateral(devnet: Devnet, verifier: Address, authority: TestAuthority): Promise<void> {
    for (const { body } of collateralMessages(parseCollateral(authority.collateral()))) {
        await sendTo(devnet, verifier, body);
    }
}

/** The owner of the network's provider names who may send quotes. */
export async function setAttester(network: TestNetwork, attester: Address): Promise<void> {
    await network.client.open(Provider.Provider.fromAddress(network.provider)).send(
        network.sender(network.owner),
        { value: toNano('0.1') },
        { $$type: 'SetAttester', queryId: 0n, attester: accountOf(attester) },
    );
}
