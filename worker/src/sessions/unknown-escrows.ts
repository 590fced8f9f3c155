/** Seconds for which an address that was no session of ours is not looked up again. */
const Memory = 3;
/** More addresses than this are not remembered. */
const MaxEntries = 10_000;

/** Addresses that were looked up in vain, so that asking again and again costs the chain's API nothing. */
export class UnknownEscrows {
    private readonly until = new Map<string, number>();

    has(address: string): boolean {
        const until = this.until.get(address);
        if (until === undefined) {
            return false;
        }
        if (until > performance.now()) {
            return true;
        }
        this.until.delete(address);
        return false;
    }

    add(address: string): void {
        if (this.until.size >= MaxEntries) {
            // The first key is the oldest.
            this.until.delete(this.until.keys().next().value as string);
        }
        this.until.set(address, performance.now() + Memory * 1000);
    }
}
