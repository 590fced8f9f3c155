import { NetworkProvider } from '@ton/blueprint';
import { Address, Cell, Dictionary } from '@ton/core';
import { TonClient } from '@ton/ton';
import { ChainPrices, chainPricesOf, codeHashOf, ContractName, ContractNames } from '@ton-compute/contracts';
import { ScriptError } from './error';

/** The masterchain account whose data are the chain's configuration. */
const ConfigAccount = Address.parse('-1:5555555555555555555555555555555555555555555555555555555555555555');
const GlobalIdParameter = 19;

/** @returns unix seconds of the chain; of this computer where the API does not tell. */
export async function chainTime(provider: NetworkProvider): Promise<number> {
    const api = provider.api();
    return api instanceof TonClient
        ? (await api.getContractState(ConfigAccount)).timestampt
        : Math.floor(Date.now() / 1000);
}

/**
 * Blueprint's wallet dates its messages by this computer's clock. A local network's may have been set ahead, and would
 * refuse them: so the script goes by the network's clock.
 */
export function goByClock(chainNow: number): void {
    const ahead = chainNow * 1000 - Date.now();
    const Tolerance = 30_000; // milliseconds
    if (Math.abs(ahead) > Tolerance) {
        const own = Date.now;
        Date.now = () => own() + ahead;
    }
}

/** @returns the chain's whole configuration, a dictionary of parameters by number. */
export async function readConfig(provider: NetworkProvider): Promise<Cell> {
    const { state } = await provider.getContractState(ConfigAccount);
    if (state.type !== 'active' || !state.data) {
        throw new ScriptError('The network shows no configuration: its configuration contract is not active.');
    }
    return Cell.fromBoc(state.data)[0].refs[0];
}

/** @returns the basechain's prices in force. */
export async function readPrices(provider: NetworkProvider): Promise<ChainPrices> {
    return chainPricesOf(await readConfig(provider), await chainTime(provider));
}

/** @returns the network's global id, to which every signature is bound. */
export async function readGlobalId(provider: NetworkProvider): Promise<number> {
    const parameters = Dictionary.loadDirect(
        Dictionary.Keys.Int(32),
        Dictionary.Values.Cell(),
        await readConfig(provider),
    );
    const cell = parameters.get(GlobalIdParameter);
    if (cell === undefined) {
        throw new ScriptError(
            `The network's configuration has no parameter ${GlobalIdParameter}: expected a TON network.`,
        );
    }
    return cell.beginParse().loadInt(32);
}

/** @returns which of this release's contracts an account runs; null for an account that runs no known code, or none. */
export async function contractAt(provider: NetworkProvider, account: Address): Promise<ContractName | null> {
    const { state } = await provider.getContractState(account);
    if (state.type !== 'active' || !state.code) {
        return null;
    }
    const hash = Cell.fromBoc(state.code)[0].hash();
    for (const name of ContractNames) {
        if (hash.equals(await codeHashOf(name))) {
            return name;
        }
    }
    return null;
}
