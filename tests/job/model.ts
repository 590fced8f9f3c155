// The rules of jobs once more, in the plainest words: what tests/job/model.test.ts compares the contracts with. No cells,
// no messages, no fees; whoever is due something is due it at once.

/** 'client 0', 'owner 2', 'attester 1', 'settlement 1' or 'stranger'. */
export type Party = string;

export type ModelTerms = {
    client: Party;
    /** The only provider that may bid; null: every one. */
    direct: number | null;
    awardDeadline: number;
    deliveryTime: number;
    ceiling: bigint;
    bond: bigint;
    bidStep: bigint;
    acceptedTcbStatuses: number;
    /** null: any. */
    measurement: bigint | null;
};

export type ModelRecord = { expiry: number; tcbStatus: number; measurement: bigint };

export type ModelBid = { provider: number; amount: bigint; payer: Party };

export type ModelJob = {
    readonly terms: ModelTerms;
    status: 'none' | 'bidding' | 'awarded';
    /** How often it was posted. */
    life: number;
    bid: ModelBid | null;
    deliveryDeadline: number;
};

export type ModelProvider = { record: ModelRecord; delivered: bigint; failed: bigint; declined: bigint; volume: bigint };

export type Command =
    | { kind: 'post'; job: number; sender: Party; value: bigint; enough: boolean }
    | { kind: 'bid'; job: number; sender: Party; provider: number; amount: bigint; life: number; value: bigint; enough: boolean }
    | { kind: 'award'; job: number; sender: Party; provider: number; amount: bigint; value: bigint }
    | { kind: 'cancel' | 'expire'; job: number; sender: Party; value: bigint }
    | { kind: 'deliver'; job: number; sender: Party; provider: number; delivered: boolean; life: number; signed: boolean; value: bigint }
    | { kind: 'renew'; provider: number; record: ModelRecord }
    | { kind: 'pass'; seconds: number };

/** nanoTON that a party gets because of a command. */
export type Due = { to: Party; amount: bigint };

/** What became of a command, for counting: a word, and who is due what. */
export type Effect = { what: string; due: Due[] };

export class Model {
    readonly jobs: ModelJob[];
    readonly providers: ModelProvider[];

    constructor(public now: number, terms: ModelTerms[], records: ModelRecord[]) {
        this.jobs = terms.map((one) => ({ terms: one, status: 'none', life: 0, bid: null, deliveryDeadline: 0 }));
        this.providers = records.map((record) => ({ record, delivered: 0n, failed: 0n, declined: 0n, volume: 0n }));
    }

    apply(command: Command): Effect {
        switch (command.kind) {
            case 'pass': this.now += command.seconds; return { what: 'time passed', due: [] };
            case 'renew': this.providers[command.provider].record = command.record; return { what: 'renewed', due: [] };
            case 'post': return this.post(command);
            case 'bid': return this.bid(command);
            case 'award': return this.award(command);
            case 'cancel': return this.cancel(command);
            case 'expire': return this.expire(command);
            case 'deliver': return this.deliver(command);
        }
    }

    private post({ job, sender, value, enough }: Extract<Command, { kind: 'post' }>): Effect {
        const one = this.jobs[job];
        const inTime = this.now < one.terms.awardDeadline;
        if (sender !== one.terms.client || one.status !== 'none' || !inTime || !enough) {
            return refused('post', sender, value);
        }
        one.status = 'bidding';
        one.life += 1;
        return { what: 'posted', due: [] };
    }

    private bid({ job, sender, provider, amount, life, value, enough }: Extract<Command, { kind: 'bid' }>): Effect {
        const { terms, status, bid: best, life: present } = this.jobs[job];
        const worse = best === null ? amount > terms.ceiling : amount > best.amount - terms.bidStep;
        if (!this.mayRelay(sender, provider) || status !== 'bidding' || life !== present || !enough || worse
            || this.now >= terms.awardDeadline || !accepts(terms, this.providers[provider].record)
            || (terms.direct !== null && terms.direct !== provider)) {
            return refused('bid', sender, value);
        }
        this.jobs[job].bid = { provider, amount, payer: sender };
        return { what: best === null ? 'bid' : 'outbid', due: best === null ? [] : [{ to: best.payer, amount: terms.bond }] };
    }

    private award({ job, sender, provider, amount, value }: Extract<Command, { kind: 'award' }>): Effect {
        const one = this.jobs[job];
        const { terms, bid } = one;
        if (sender !== terms.client || one.status !== 'bidding' || this.now >= terms.awardDeadline || bid === null
            || bid.provider !== provider || bid.amount !== amount) {
            return refused('award', sender, value);
        }
        one.status = 'awarded';
        one.deliveryDeadline = this.now + terms.deliveryTime;
        return { what: 'awarded', due: [{ to: terms.client, amount: terms.ceiling - bid.amount }] };
    }

    private cancel({ job, sender, value }: { job: number; sender: Party; value: bigint }): Effect {
        const one = this.jobs[job];
        return sender === one.terms.client && one.status === 'bidding' ? this.unawarded(one, 'cancelled') : refused('cancel', sender, value);
    }

    private expire({ job, sender, value }: { job: number; sender: Party; value: bigint }): Effect {
        const one = this.jobs[job];
        const { terms, bid } = one;
        if (one.status === 'bidding' && this.now >= terms.awardDeadline) {
            return this.unawarded(one, 'not taken');
        }
        if (one.status === 'awarded' && this.now >= one.deliveryDeadline) {
            this.providers[bid!.provider].failed += 1n;
            end(one);
            return { what: 'failed', due: [{ to: terms.client, amount: bid!.amount + terms.bond }] };
        }
        return refused('expire', sender, value);
    }

    private deliver({ job, sender, provider, delivered, life, signed, value }: Extract<Command, { kind: 'deliver' }>): Effect {
        const one = this.jobs[job];
        const { terms, bid } = one;
        if (!this.mayRelay(sender, provider)) {
            return refused('delivery', sender, value);
        }
        if (one.status !== 'awarded' || bid!.provider !== provider || this.now >= one.deliveryDeadline || life !== one.life || !signed
            || !accepts(terms, this.providers[provider].record)) {
            return refused('delivery', `attester ${provider}`, value); // whoever sent it
        }
        const counters = this.providers[provider];
        counters.delivered += delivered ? 1n : 0n;
        counters.declined += delivered ? 0n : 1n;
        counters.volume += delivered ? bid!.amount : 0n;
        end(one);
        const reward = { to: delivered ? `settlement ${provider}` : terms.client, amount: bid!.amount };
        return { what: delivered ? 'delivered' : 'declined', due: [reward, { to: bid!.payer, amount: terms.bond }] };
    }

    private unawarded(one: ModelJob, what: string): Effect {
        const { terms, bid } = one;
        end(one);
        const due = [{ to: terms.client, amount: terms.ceiling }];
        return { what, due: bid === null ? due : [...due, { to: bid.payer, amount: terms.bond }] };
    }

    private mayRelay(sender: Party, provider: number): boolean {
        return [`owner ${provider}`, `attester ${provider}`].includes(sender) && this.now < this.providers[provider].record.expiry;
    }
}

function accepts(terms: ModelTerms, { tcbStatus, measurement }: ModelRecord): boolean {
    return ((terms.acceptedTcbStatuses >> tcbStatus) & 1) === 1 && (terms.measurement === null || terms.measurement === measurement);
}

function end(job: ModelJob): void {
    Object.assign(job, { status: 'none', bid: null, deliveryDeadline: 0 });
}

/** The whole value comes back. */
function refused(what: string, to: Party, value: bigint): Effect {
    return { what: `${what} refused`, due: [{ to, amount: value }] };
}
