/** How the stand-in answers from now on. */
export type Pace = {
    /** Tokens of each answer. */
    tokens: number;
    /** Tokens in a second for each stream; null for as fast as it can be read. */
    perSecond: number | null;
};

/** Closes all connections, and listens again after so many seconds: what a restart looks like from outside. */
export type Restart = { downSeconds: number };

export type UpstreamState = {
    url: string;
    /** Since the start: answers that were begun, tokens that were sent, and answers whose reader went away. */
    begun: number;
    sentTokens: number;
    abandoned: number;
};

/** Tokens of every prompt, whatever it says. */
export const PromptTokens = 16;
