import { Address, OpenedContract } from '@ton/core';
import { AttestationVerifier, IntelRootKey, P256Key, verifierDeployment } from '@ton-compute/contracts';
import { ScriptError } from './error';
import { oneOf, Parse } from './parsing';
import { Script } from './script';

// What scripts do with the verifier of a network and the root key that it trusts.

export type Verifier = OpenedContract<AttestationVerifier.AttestationVerifier>;

/** A root key as people write it: `intel`, or x and y of another one. */
export const rootKey: Parse<P256Key> = (text) => {
    if (text === 'intel') {
        return IntelRootKey;
    }
    if (!/^[0-9a-f]{128}$/i.test(text)) {
        throw new Error('expected "intel", or x and y of a point of P-256 as 128 hexadecimal digits');
    }
    return { x: BigInt(`0x${text.slice(0, 64)}`), y: BigInt(`0x${text.slice(64)}`) };
};

/** Whether a root key is Intel's: with any other, verdicts prove nothing about hardware. */
export function isProduction(root: P256Key): boolean {
    return root.x === IntelRootKey.x && root.y === IntelRootKey.y;
}

/** @returns a root key as {@link rootKey} reads it. */
export function showRoot(root: P256Key): string {
    return isProduction(root) ? 'intel' : [root.x, root.y].map((part) => part.toString(16).padStart(64, '0')).join('');
}

const TestRootWarning =
    'TEST ROOT: this verifier does not trust Intel. Whoever holds the root key makes any machine attested, so a verdict ' +
    'proves NOTHING about hardware. Only for development networks.';

/** One line about a root, the same wherever a root is shown. */
export function describeRoot(root: P256Key): string {
    return isProduction(root) ? 'PRODUCTION: Intel SGX Root CA' : TestRootWarning;
}

/**
 * Lets Intel's root pass, and another one only if the input `testRoot` says so; then it is said loudly.
 * @throws ScriptError for another root without that.
 */
export function requireRoot(script: Script, root: P256Key): void {
    if (isProduction(root)) {
        return;
    }
    if (script.inputs.optional('testRoot', oneOf('yes', 'no')) !== 'yes') {
        throw new ScriptError(`${TestRootWarning} To go on all the same, set TEST_ROOT=yes.`);
    }
    script.write(`!!! ${TestRootWarning}`);
}

/**
 * @returns the verifier at an address with its root key. Its address follows from code and root, so both are proven.
 * @throws ScriptError when something else is there.
 */
export async function openVerifier(script: Script, address: Address): Promise<{ verifier: Verifier; root: P256Key }> {
    await script.require(address, 'AttestationVerifier');
    const verifier = script.provider.open(AttestationVerifier.AttestationVerifier.fromAddress(address));
    const { x, y } = await verifier.getRootKey();
    if (!(await verifierDeployment({ x, y })).address.equals(address)) {
        throw new ScriptError(
            `${script.format(address)} shows a root key that its address does not prove: do not trust this network's ` +
                'API, or take another verifier.',
        );
    }
    return { verifier, root: { x, y } };
}
