import { NetworkProvider } from '@ton/blueprint';
import { AttestationVerifier, verifierDeployment, verifierReserve } from '@ton-compute/contracts';
import { Script } from '../tools/scripts/script';
import { describeRoot, isProduction, requireRoot, rootKey, showRoot } from '../tools/scripts/verifier';

/** Deploys the verifier of a root key: Intel's unless another one is given. It has no owner, and anyone may deploy it. */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, ['rootKey', 'testRoot']);
    const root = await script.inputs.read(
        'rootKey',
        'Root key of the attestation: intel, or x and y as 128 hexadecimal digits',
        rootKey,
        'intel',
    );
    requireRoot(script, root);
    const { address, init } = await verifierDeployment(root);
    const verifier = provider.open(new AttestationVerifier.AttestationVerifier(address, init));
    if (await provider.isContractDeployed(address)) {
        script.write('This verifier is there already: its address follows from the root key.');
    } else {
        const value = 2n * verifierReserve(await script.prices());
        await script.spend('deploy a verifier', address, value, () => verifier.send(provider.sender(), { value }, null));
    }
    script.address('verifier', 'AttestationVerifier', address);
    script.line('root', describeRoot(root));
    script.value('root', isProduction(root) ? 'production' : 'test');
    script.value('rootKey', showRoot(root));
    script.write('Next: teach it collateral, `npx blueprint run addCollateral`.');
    script.finish();
}
