export {
    config2026,
    configOld,
    configParameter,
    prices2026,
    pricesConfig,
    priceSets,
    readGlobalId,
    readPrices,
} from './config';
export type { Prices, PriceSet } from './config';
export type { Control, DevnetInfo } from './control';
export { Devnet, startDevnet } from './devnet';
export type { DevnetOptions } from './devnet';
export { DevnetError } from './errors';
export type { LogLevel } from './logger';
export { developmentWallets, MAX_WALLETS, WALLET_BALANCE, WALLET_VERSION } from './wallets';
export type { DevnetWallet } from './wallets';
