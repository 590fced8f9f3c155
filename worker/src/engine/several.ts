import type {
    ChatEvent,
    ChatRequest,
    CompletionRequest,
    DeviceReport,
    EmbedOptions,
    Embeddings,
    Engine,
    EngineLoad,
    EngineModel,
    GenerateOptions,
} from './engine';
import { EngineOptionsError, ModelNotFoundError } from './errors';

/**
 * Makes one engine of several. Each keeps its own slots and its own queue, so a crowd at one model does not hold up
 * another; `slots` and `load` are sums, and whoever admits requests asks `slotsOf`.
 * @param engines in the order in which they were loaded, at least one.
 * @param afterClose frees what they share, after all of them were closed.
 * @throws {EngineOptionsError} when there is none, or when two serve a model of the same name.
 */
export function combineEngines(
    engines: readonly Engine[],
    afterClose: () => Promise<void> = async () => undefined,
): Engine {
    if (engines.length === 0) throw new EngineOptionsError('There is no engine to combine. Name at least one model.');
    checkIds(engines.flatMap((engine) => engine.models.map(({ id }) => id)));
    return new SeveralEngines(engines, afterClose);
}

/** @throws {EngineOptionsError} that names the first name that comes twice. */
export function checkIds(ids: readonly string[]): void {
    const twice = ids.find((id, index) => ids.indexOf(id) !== index);
    if (twice === undefined) return;
    throw new EngineOptionsError(`Two models have the name '${twice}', by which clients ask for them. Rename one.`);
}

/** @returns what all models together run on, with the backend of the first that offloads. */
export function combineReports(reports: readonly DeviceReport[], names: readonly string[]): DeviceReport {
    const [first, last] = [reports[0]!, reports[reports.length - 1]!];
    const sum = (of: (report: DeviceReport) => number) => reports.reduce((total, report) => total + of(report), 0);
    return {
        backend: (reports.find((report) => report.offloading) ?? first).backend,
        deviceNames: [...new Set(reports.flatMap((report) => report.deviceNames))],
        gpuLayers: sum((report) => report.gpuLayers),
        totalLayers: sum((report) => report.totalLayers),
        vramBefore: first.vramBefore,
        vramAfter: last.vramAfter,
        // One model on the CPU is enough to make "it runs on a GPU" untrue.
        offloading: reports.every((report) => report.offloading),
        note:
            reports.length === 1
                ? first.note
                : reports.map((report, index) => `${names[index]}: ${report.note}`).join(' '),
    };
}

class SeveralEngines implements Engine {
    readonly models: readonly EngineModel[];
    readonly device: DeviceReport;
    readonly slots: number;
    readonly embedded: boolean;
    /** True when it is so of one of them: what follows from it is only more careful for the others. */
    readonly generatesAhead: boolean;
    readonly boundsPrompts: boolean;
    private readonly byModel = new Map<string, Engine>();
    private closing: Promise<void> | undefined;

    constructor(
        private readonly engines: readonly Engine[],
        private readonly afterClose: () => Promise<void>,
    ) {
        this.models = engines.flatMap((engine) => engine.models);
        this.device = combineReports(
            engines.map((engine) => engine.device),
            engines.map((engine) => engine.models.map(({ id }) => id).join(', ')),
        );
        this.slots = engines.reduce((sum, engine) => sum + engine.slots, 0);
        this.embedded = engines.every((engine) => engine.embedded === true);
        this.generatesAhead = engines.some((engine) => engine.generatesAhead === true);
        this.boundsPrompts = engines.some((engine) => engine.boundsPrompts === true);
        for (const engine of engines) for (const { id } of engine.models) this.byModel.set(id, engine);
    }

    get load(): EngineLoad {
        const loads = this.engines.map((engine) => engine.load);
        return {
            running: loads.reduce((sum, load) => sum + load.running, 0),
            waiting: loads.reduce((sum, load) => sum + load.waiting, 0),
        };
    }

    slotsOf(model: string): number {
        return this.engineOf(model).slotsOf(model);
    }

    async countPromptTokens(request: ChatRequest | CompletionRequest): Promise<number> {
        return this.engineOf(request.model).countPromptTokens(request);
    }

    chat(request: ChatRequest, options: GenerateOptions): AsyncIterable<ChatEvent> {
        return this.route(request.model, (engine) => engine.chat(request, options));
    }

    complete(request: CompletionRequest, options: GenerateOptions): AsyncIterable<ChatEvent> {
        return this.route(request.model, (engine) => engine.complete(request, options));
    }

    async embed(model: string, inputs: readonly string[], options: EmbedOptions): Promise<Embeddings> {
        return this.engineOf(model).embed(model, inputs, options);
    }

    close(): Promise<void> {
        this.closing ??= this.shutDown();
        return this.closing;
    }

    /** The stream of the model's engine itself, so that nothing stands between it and its consumer. */
    private route(model: string, stream: (engine: Engine) => AsyncIterable<ChatEvent>): AsyncIterable<ChatEvent> {
        const engine = this.byModel.get(model);
        if (engine !== undefined) return stream(engine);
        // All errors come from next().
        return failing(new ModelNotFoundError(model, [...this.byModel.keys()]));
    }

    private engineOf(model: string): Engine {
        const engine = this.byModel.get(model);
        if (engine === undefined) throw new ModelNotFoundError(model, [...this.byModel.keys()]);
        return engine;
    }

    private async shutDown(): Promise<void> {
        const closed = await Promise.allSettled(this.engines.map((engine) => engine.close()));
        await this.afterClose();
        for (const result of closed) if (result.status === 'rejected') throw result.reason;
    }
}

async function* failing(error: Error): AsyncGenerator<ChatEvent, void, undefined> {
    throw error;
}
