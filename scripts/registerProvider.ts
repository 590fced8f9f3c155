import { NetworkProvider } from '@ton/blueprint';
import {
    addressOf,
    batchCost,
    isAcceptableEd25519Key,
    isAcceptableX25519Key,
    MaxBatchItems,
    packRegistration,
    ProviderRegistry,
    settlementDeployment,
} from '@ton-compute/contracts';
import { address, coins, publicKey, showCoins, url } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';
import { internalMessages } from '../tools/scripts/trace';

/** Registers a provider: the wallet becomes its owner. The worker's keys come from the worker. */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, [
        'registry',
        'workerKey',
        'encryptionKey',
        'endpoint',
        'dailyCap',
        'feeFloat',
    ]);
    const { inputs } = script;
    const registryAddress = await inputs.read('registry', 'Address of the registry', address);
    await script.require(registryAddress, 'ProviderRegistry');
    const workerKey = await inputs.read(
        'workerKey',
        'Worker key, Ed25519, hexadecimal',
        publicKey(isAcceptableEd25519Key),
    );
    const encryptionKey = await inputs.read(
        'encryptionKey',
        'Encryption key, X25519, hexadecimal',
        publicKey(isAcceptableX25519Key),
    );
    const endpoint = await inputs.read('endpoint', 'URL at which clients reach the worker', url);
    const dailyCap = await inputs.read('dailyCap', 'Coins that the worker key may spend on fees in a day', coins, '1');
    const largestBatch = batchCost(await script.prices(), MaxBatchItems, true);
    const feeFloat = await inputs.read(
        'feeFloat',
        'Coins that pay for batches, at the beginning',
        coins,
        showCoins(largestBatch),
    );

    const registry = provider.open(ProviderRegistry.ProviderRegistry.fromAddress(registryAddress));
    const value = (await registry.getRegistrationValue()) + feeFloat;
    const { verifier: account } = await registry.getRegistryData();
    const verifier = account === 0n ? null : addressOf(account);
    const registration = packRegistration({ workerKey, encryptionKey, dailyCap, verifier, endpoint });
    const { transactions } = await script.spend('register a provider', registryAddress, value, () =>
        registry.send(provider.sender(), { value }, { $$type: 'RegisterProvider', queryId: 0n, registration }),
    );
    // The second transaction is the registry's, and its only message goes to the new provider.
    const [deployed] = internalMessages(transactions[1]);
    const settlement = await settlementDeployment(deployed.info.dest);
    script.address('provider', 'Provider', deployed.info.dest);
    script.address('settlement', 'RewardSettlement', settlement.address);
    script.write('Next: offer a model, `npx blueprint run updateProvider`.');
    script.finish();
}
