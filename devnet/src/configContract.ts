import { Address, beginCell, Cell } from '@ton/core';
import { Accounts } from './accounts';

/** Where every TON network keeps its configuration. */
const CONFIG_ADDRESS = new Address(-1, Buffer.alloc(32, 0x55));

/** NanoTON; the account never pays for anything. */
const BALANCE = 1_000_000_000n;

/**
 * Puts the account of the configuration in place: its data begins with a reference to the dictionary of all
 * parameters, which is where wallets and Blueprint's `getConfig` look. Its code does nothing.
 */
export function installConfigContract(accounts: Accounts, config: Cell): void {
    const data = beginCell().storeRef(config).storeUint(0, 32).storeUint(0, 256).storeBit(false).endCell();
    accounts.create(CONFIG_ADDRESS, { code: Cell.EMPTY, data }, BALANCE);
}
