import { Config } from '@ton/blueprint';

/**
 * The network is chosen on the command line: --testnet, --mainnet, or for the local network
 * `--custom http://127.0.0.1:8081/api/v2/ --custom-version v2 --custom-type custom --mnemonic`.
 */
export const config: Config = {
    requestTimeout: 20_000, // milliseconds
};
