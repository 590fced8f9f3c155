/** What `blueprint run --mnemonic` calls the wallet contract of these keys (its WALLET_VERSION). */
export const WALLET_VERSION = 'v4r2';

/** One development wallet: everything needed to sign with it, in the open. */
export interface DevelopmentKey {
    /** Role that the examples give to this wallet. */
    readonly name: string;
    /** Number of the attempt that gave a valid mnemonic; see below. */
    readonly attempt: number;
    /** 24 words, separated by spaces. */
    readonly mnemonic: string;
    /** Ed25519 seed derived from the mnemonic, 32 bytes in hex. */
    readonly seed: string;
    /** Ed25519 public key of the seed, 32 bytes in hex. */
    readonly publicKey: string;
}

/**
 * PUBLIC AND WORTHLESS. Everybody who reads this file has these keys: never send real coins to their addresses.
 *
 * Word `i` of attempt `n` for a name is `wordlist[sha256('ton-compute devnet NAME n i')[0..2] mod 2048]`; the first
 * attempt that is a valid TON mnemonic counts. They are kept here because finding one takes about 250 attempts and
 * deriving the keys 100,000 rounds of PBKDF2.
 */
export const developmentKeys: readonly DevelopmentKey[] = [
    {
        name: 'deployer',
        attempt: 249,
        mnemonic:
            'inside multiply cricket taste surge inmate hill bleak fetch magic sausage throw ' +
            'atom feed cereal light sample vehicle peasant scrub basic solve include soda',
        seed: 'dac82c4f65dae9c5b5f7c220cda35b87b12f887bd58845917b538108ce164558',
        publicKey: 'd3983156605487d555c16c47e3c00fd4327ed154ef1b1744a48033490a86a957',
    },
    {
        name: 'provider',
        attempt: 188,
        mnemonic:
            'park regret dutch install success select struggle above just fragile slush shed ' +
            'shift flock symptom dial economy expand vendor shrug insane capital play happy',
        seed: '79ea63aa1a301922690dd43d5b57e2a0528cf790f5f34d8ce974597a30d6edee',
        publicKey: 'a01ddd880d41cd5ebf8e5b8cde99b1d04c3d1e8b948287595eaba812d3954997',
    },
    {
        name: 'client',
        attempt: 52,
        mnemonic:
            'ceiling manual ship bag undo garage gospel space sound awake rotate umbrella ' +
            'book square snap execute rescue green hat sword chuckle whale slow mammal',
        seed: 'fcc50389dc40c1fd9bf33fa6f0e14415dbdecb20733881be37188cc8ecd5efdf',
        publicKey: 'e78a43ab6308972a16d5e36e0de98580f591e5260fe9332d28266f535c2bdf5c',
    },
    {
        name: 'governance',
        attempt: 194,
        mnemonic:
            'retreat phrase lonely critic garden panic decline winner canal detail siege act ' +
            'motion dove air human tilt seed know beef change script tape deposit',
        seed: 'fa249c9b1661e544e4097df6841e0a774706ebc6a186f3ee817c9326680a2f44',
        publicKey: 'ff6f99b08e2ac1265a4e2bed3d1ede0f69eefb770284e562301573970f240421',
    },
    {
        name: 'relayer',
        attempt: 283,
        mnemonic:
            'memory soldier wage used coil melody labor giraffe enlist profit tape strong ' +
            'eagle defense bunker distance ask decrease cycle noble mad leave tobacco wedding',
        seed: 'cfd5c126a73a2bb121e22ae9372523998d998f4fe9739162d2c6d8d197c4f2e3',
        publicKey: '14fa0d15e7a235707a41b28202a6e214778a7455b7df4beee6229d0ab4be372b',
    },
    {
        name: 'curator',
        attempt: 186,
        mnemonic:
            'deny mammal donate island avoid cheap nothing interest host pony parent fragile ' +
            'parade local expire flock hockey toe combine box illness segment congress usage',
        seed: '97eb313c01ad7153920b1b4e1c7491d76ee1bf5518cc9fb6f35d1959960127dc',
        publicKey: '9cdbbf376fcbeb20828c016f7168770399a9c18867aff304bc85143a45eb674a',
    },
    {
        name: 'provider-2',
        attempt: 62,
        mnemonic:
            'peace endorse citizen proud pet isolate menu purpose until limit envelope park ' +
            'jaguar capital cloud glimpse tank sport addict trouble embark flush ordinary brand',
        seed: '202fbbb0a6c9b71236ebca965df15d7deefa8c7733918fe9f2498d1cd17e1ab5',
        publicKey: '7924b205fc2e152025a56329d4ea61e3e79b683b06c0c388ec3bdea99e9a2575',
    },
    {
        name: 'client-2',
        attempt: 255,
        mnemonic:
            'secret orphan derive where appear stool later destroy hybrid exhaust lift front ' +
            'blast fiction arrow nasty sell almost odor wrist hub clinic slim damage',
        seed: '6208189eb872b6d1a2e757f21421572df92c46960c3e116da761a1bcc7c55b38',
        publicKey: '524e2b4977216203c7b3f68b1069f056ca8cd88737908ee54efae9542d044b30',
    },
    {
        name: 'alice',
        attempt: 83,
        mnemonic:
            'dolphin delay jar fiscal among spawn bulb snack saddle fall unfold biology ' +
            'volcano public spread cycle order youth code inspire lottery battle there when',
        seed: '81a44b35bfb0e5b8f098696f99d67700a0175b45f196023af0f6552a1a0a1d11',
        publicKey: '6772d9ab13a1b8333b38ed845d13c8f491680e30e4b5303d1fbede29a22aede4',
    },
    {
        name: 'bob',
        attempt: 595,
        mnemonic:
            'knee color pattern dolphin total air explain earth hurt arrange hole decide ' +
            'dust trumpet eyebrow win front cool now forest axis gasp false business',
        seed: '674e5fb23bcb6ee72014f1b4e604dfc21bdc93dcca9ea8461af81ce8c481280e',
        publicKey: '8fc323fccdc8c2658ea138ec75609ac5ff8ad29d13c5e67113871dac9fd6a4a9',
    },
];
