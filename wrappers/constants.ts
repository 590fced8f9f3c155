/** Tiers of a provider. `open` promises no privacy: there is no enclave. */
export const Tier = { Open: 0, Tdx: 1 } as const;

/** Life of a SessionEscrow. */
export const SessionStatus = { New: 0, Opening: 1, Open: 2, Closing: 3 } as const;

/** Life of a Provider. */
export const ProviderStatus = { New: 0, Active: 1, Retired: 2 } as const;

/** Why a provider rejects a session. */
export const RejectReason: Readonly<Record<number, string>> = {
    1: 'the provider has retired',
    2: "the offer is not, or no longer, one of the provider's",
    3: 'the provider is not attested, or its record has expired',
    4: "the provider's TCB status is not one that the client accepts",
    5: 'the provider runs another image than the client demands',
};

/** Seconds after which an opening without an answer can be taken back. */
export const OpeningDeadline = 600;
/** Bounds and default of the close window, seconds. */
export const MinCloseWindow = 900;
export const MaxCloseWindow = 2_592_000;
export const DefaultCloseWindow = 21_600;
/** The most offers of a provider. */
export const MaxOffers = 16;
/** Seconds between the announcement of a governed value and its use. */
export const ProposalDelay = 604_800;
/** The longest validity of a batch, seconds. */
export const MaxBatchLife = 3600;

/** The coin's symbol, for output only. The coin was renamed once: this is the only place that knows its name. */
export const CoinSymbol = 'TON';
