export {
    config2026,
    configOld,
    configParameter,
    prices2026,
    pricesConfig,
    readGlobalId,
    readPrices,
} from './config';
export type { Prices } from './config';
export type { Control, DevnetInfo } from './control';
export { priceSets } from './defaults';
export type { LogLevel, PriceSet } from './defaults';
export { Devnet, startDevnet } from './devnet';
export type { DevnetOptions } from './devnet';
export { DevnetError } from './errors';
export { WALLET_VERSION } from './developmentKeys';
export { developmentWallets, MAX_WALLETS, WALLET_BALANCE } from './wallets';
export type { DevnetWallet } from './wallets';
