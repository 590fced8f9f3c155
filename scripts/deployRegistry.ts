import { NetworkProvider } from '@ton/blueprint';
import { accountOf, ProviderRegistry, registryDeployment, registryReserve } from '@ton-compute/contracts';
import { address, addressOrNone, coins, integer } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';
import { describeRoot, isProduction, openVerifier, requireRoot } from '../tools/scripts/verifier';

const { MaxFeeBasisPoints } = ProviderRegistry;

/** Deploys a registry: the beginning of a network of its own. Governance and treasury are the wallet unless given. */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, [
        'governance',
        'treasury',
        'registrationDeposit',
        'registrationFee',
        'listingFee',
        'feeBasisPoints',
        'verifier',
        'testRoot',
    ]);
    const { inputs, wallet } = script;
    const own = wallet.toString();
    const governance = await inputs.read(
        'governance',
        'Address that may propose parameters, a multisig in production',
        address,
        own,
    );
    const treasury = await inputs.read('treasury', 'Address that gets fees', address, own);
    const registrationDeposit = await inputs.read('registrationDeposit', 'Deposit of a provider, coins', coins, '1');
    const registrationFee = await inputs.read('registrationFee', 'Fee of a registration, coins', coins, '0.1');
    const listingFee = await inputs.read('listingFee', 'Fee for listing a job, coins', coins, '0.02');
    const feeBasisPoints = await inputs.read(
        'feeBasisPoints',
        'Protocol fee on earnings, basis points',
        integer(0n, MaxFeeBasisPoints),
        '250',
    );
    const verifier = await inputs.read(
        'verifier',
        'Address of the AttestationVerifier, for ever; none for a network that has only tier open',
        addressOrNone,
        'none',
    );
    const root = verifier === null ? null : (await openVerifier(script, verifier)).root;
    if (root !== null) {
        requireRoot(script, root);
    }

    const parameters = {
        registrationDeposit,
        registrationFee,
        feeBasisPoints,
        treasury: accountOf(treasury),
        listingFee,
    };
    const deployment = await registryDeployment(governance, verifier, parameters);
    const registry = provider.open(new ProviderRegistry.ProviderRegistry(deployment.address, deployment.init));
    if (await provider.isContractDeployed(registry.address)) {
        script.write('This registry is there already: the same governance, verifier and parameters make the same address.');
    } else {
        const value = 2n * registryReserve(await script.prices());
        await script.spend('deploy a registry', registry.address, value, () =>
            registry.send(provider.sender(), { value }, null),
        );
    }
    script.address('registry', 'ProviderRegistry', registry.address);
    script.address('governance', 'governance', governance);
    script.address('treasury', 'treasury', treasury);
    if (verifier !== null && root !== null) {
        script.address('verifier', 'AttestationVerifier', verifier);
        script.line('root', describeRoot(root));
        script.value('root', isProduction(root) ? 'production' : 'test');
    } else {
        script.line('verifier', 'none: providers of this network have tier open, and no other');
    }
    script.finish();
}
