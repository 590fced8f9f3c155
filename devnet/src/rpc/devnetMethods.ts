import { basename, join } from 'node:path';
import { Control, DevnetInfo } from '../control';
import { priceSets } from '../defaults';
import { WALLET_VERSION } from '../developmentKeys';
import { MethodTable } from './method';
import { Params } from './params';

/** A billion TON: more than any test needs, and far from where amounts stop fitting into a message. */
const MAX_FAUCET = 1_000_000_000n * 1_000_000_000n;

const MAX_BLOCKS = 10_000;
const MAX_SECONDS = 100 * 365 * 86_400;

/** Methods that only a local network has. */
export const devnetMethods: MethodTable = {
    devnet_info: async (_, { control }) => encodeInfo(await control.info()),

    devnet_faucet: async (params, { control }) => {
        const address = params.address('address');
        const amount = params.uint64('amount');
        if (amount === 0n || amount > MAX_FAUCET) {
            throw params.wrong('amount', amount.toString(), `nanoTON from 1 to ${MAX_FAUCET} as a text`);
        }
        await control.faucet(address, amount);
        return { '@type': 'ok' };
    },

    devnet_mine: async (params, { control }) => {
        const seqno = await control.mine(params.integer('blocks', { min: 1, max: MAX_BLOCKS, fallback: 1 }));
        return { '@type': 'ok', seqno };
    },

    devnet_increaseTime: async (params, { control }) => {
        const time = await control.increaseTime(params.integer('seconds', { min: 0, max: MAX_SECONDS }));
        return { '@type': 'ok', time };
    },

    devnet_setTime: async (params, { control }) => {
        const time = await control.setTime(params.integer('time', { min: 0, max: 2 ** 32 - 1 }));
        return { '@type': 'ok', time };
    },

    devnet_setPrices: async (params, { control }) => {
        const set = params.oneOf('set', priceSets);
        await control.setPrices(set);
        return { '@type': 'ok', set };
    },

    devnet_snapshot: async (params, { control }) => {
        if (!params.has('path')) {
            return { '@type': 'ok', id: await control.snapshot() };
        }
        const path = snapshotFile(params, control);
        await control.saveTo(path);
        return { '@type': 'ok', path };
    },

    devnet_restore: async (params, { control }) => {
        if (params.has('id')) {
            await control.restore(params.text('id'));
        } else {
            await control.loadFrom(snapshotFile(params, control));
        }
        const { seqno, time } = await control.info();
        return { '@type': 'ok', seqno, time };
    },
};

/**
 * Any page in a browser can send requests here, so a request names a file but not a folder.
 */
function snapshotFile(params: Params, { snapshotDir }: Control): string {
    const name = params.text('path');
    if (name !== basename(name) || !/^[\w-][\w.-]*$/.test(name)) {
        throw params.wrong(
            'path',
            name,
            `the name of a file in ${snapshotDir}, without folders; letters, digits, ".", "_" and "-"`,
        );
    }
    return join(snapshotDir, name);
}

function encodeInfo(info: DevnetInfo) {
    return {
        notice: 'Local development network: its coins, keys and blocks are worth nothing',
        endpoint: info.endpoint,
        global_id: info.globalId,
        price_set: info.priceSet,
        // Prices times 2^16 are called as in the configuration.
        prices: {
            gas_price: info.prices.gas.toString(),
            flat_gas_limit: info.prices.flatGasLimit.toString(),
            flat_gas_price: info.prices.flatGas.toString(),
            lump_price: info.prices.forwardLump.toString(),
            bit_price: info.prices.forwardBit.toString(),
            cell_price: info.prices.forwardCell.toString(),
            storage_bit_price: info.prices.storageBit.toString(),
            storage_cell_price: info.prices.storageCell.toString(),
        },
        block_time_ms: info.blockTime,
        automine: info.automine,
        seqno: info.seqno,
        time: info.time,
        lt: info.lt.toString(),
        accounts: info.accounts,
        transactions: info.transactions,
        pending_messages: info.pendingMessages,
        wallets: info.wallets.map((wallet) => ({
            name: wallet.name,
            version: WALLET_VERSION,
            address: wallet.address.toString({ bounceable: false }),
            raw_address: wallet.address.toRawString(),
            public_key: wallet.keyPair.publicKey.toString('hex'),
            balance: wallet.balance.toString(),
        })),
        state_file: info.stateFile ?? null,
        snapshot_dir: info.snapshotDir,
    };
}
