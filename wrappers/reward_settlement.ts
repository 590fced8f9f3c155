export * from '../build/RewardSettlement/RewardSettlement_RewardSettlement';
