/**
 * The two sets of basechain prices that this project tests under.
 *
 * - `2026`: in force since 2026-04-29.
 * - `old`: in force before; what @ton/sandbox 0.41 ships.
 */
export type PriceSet = '2026' | 'old';

/** All sets, the current one first. */
export const priceSets: readonly PriceSet[] = ['2026', 'old'];

/** Levels of the log, from nothing to everything. */
export const logLevels = ['silent', 'error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof logLevels)[number];

/** Block time of the mainnet since 2026, milliseconds. */
export const DEFAULT_BLOCK_TIME = 400;

/** No other machine can reach it. */
export const DEFAULT_HOST = '127.0.0.1';

/** Port of the command line; the library takes a free one. */
export const DEFAULT_PORT = 8081;

/** How many funded wallets a new network has. */
export const DEFAULT_WALLETS = 5;
