import {
    combineEngines,
    createLlamaEngines,
    type DeviceReport,
    type Engine,
    EngineOptionsError,
} from '../../src/engine';
import { combineReports } from '../../src/engine/several';
import { ask, engineConformance } from './conformance';
import { countGenerated, Draft, Summary, TinyModel, TinyModelHash } from './tiny-model';

const generated = countGenerated();

/** The shipped model twice; clients ask for the second one. */
function two(slots: number): Promise<Engine> {
    return createLlamaEngines({ gpu: false }, [
        { modelPath: TinyModel, modelId: 'short', contextLength: 64, slots: 1 },
        { modelPath: TinyModel, modelId: 'long', contextLength: 256, slots },
    ]);
}

engineConformance('An engine over two models', {
    create: two,
    generatedTokens: generated,
    model: 'long',
    known: [Summary, Draft],
    wordInFirstAnswer: 'moved',
    embeddingDimension: 128,
});

describe('An engine over two models', () => {
    let engine: Engine;
    beforeAll(async () => {
        engine = await two(2);
    });
    afterAll(() => engine.close());

    const question = (model: string) => ({
        model,
        messages: [{ role: 'user' as const, content: Draft.prompt }],
        temperature: 0,
    });

    it('lists both, each with its own context and slots', () => {
        expect(engine.models).toMatchObject([
            { id: 'short', contextLength: 64, weightsHash: TinyModelHash },
            { id: 'long', contextLength: 256, weightsHash: TinyModelHash },
        ]);
        expect([engine.slots, engine.slotsOf('short'), engine.slotsOf('long')]).toEqual([3, 1, 2]);
        expect(engine.embedded).toBe(true);
    });

    it('answers with one while all slots of the other are taken', async () => {
        const signal = new AbortController().signal;
        const holder = engine.chat(question('short'), { signal })[Symbol.asyncIterator]();
        await holder.next();
        expect(engine.load).toEqual({ running: 1, waiting: 0 });
        expect((await ask(engine, question('long'))).text).toBe(Draft.answer);
        await holder.return?.();
    });

    it('sends a request to the model that it names: the short context is full where the long one is not', async () => {
        const long = { ...question('long'), messages: [{ role: 'user' as const, content: 'word '.repeat(40) }] };
        expect((await ask(engine, { ...long, maxTokens: 1 })).end.finishReason).toBe('length');
        await expect(ask(engine, { ...long, model: 'short' })).rejects.toMatchObject({ contextLength: 64 });
    });

    it('does not start with two models of one name, or with none', async () => {
        const twice = createLlamaEngines({ gpu: false }, [{ modelPath: TinyModel }, { modelPath: TinyModel }]);
        await expect(twice).rejects.toThrow("Two models have the name 'tiny-chat'");
        expect(() => combineEngines([engine, engine])).toThrow("Two models have the name 'short'");
        expect(() => combineEngines([])).toThrow(EngineOptionsError);
        await expect(createLlamaEngines({}, [])).rejects.toBeInstanceOf(EngineOptionsError);
    });
});

describe('The report over several models', () => {
    const cpu: DeviceReport = {
        backend: 'cpu',
        deviceNames: [],
        gpuLayers: 0,
        totalLayers: 5,
        vramBefore: 0,
        vramAfter: 0,
        offloading: false,
        note: 'On the CPU.',
    };
    const gpu: DeviceReport = {
        ...cpu,
        backend: 'cuda',
        deviceNames: ['NVIDIA H200'],
        gpuLayers: 17,
        totalLayers: 17,
        vramBefore: 100,
        vramAfter: 300,
        offloading: true,
        note: 'On the GPU.',
    };
    const second = { ...gpu, vramBefore: 300, vramAfter: 450 };

    it('adds the layers, and takes the memory from before the first to after the last', () => {
        expect(combineReports([gpu, second], ['a', 'b'])).toEqual({
            ...gpu,
            gpuLayers: 34,
            totalLayers: 34,
            vramAfter: 450,
            note: 'a: On the GPU. b: On the GPU.',
        });
    });

    it('has the backend of the first that is on a GPU, but proves nothing while another is on the CPU', () => {
        const report = combineReports([cpu, gpu], ['a', 'b']);
        expect(report).toMatchObject({ backend: 'cuda', offloading: false, gpuLayers: 17 });
    });

    it('is the report of the only one', () => {
        expect(combineReports([gpu], ['a'])).toEqual(gpu);
    });
});
