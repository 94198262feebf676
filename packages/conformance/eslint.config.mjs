import { packageConfig } from '../../tools/build/eslint.mjs';

export default packageConfig({ time: 'virtual' });
