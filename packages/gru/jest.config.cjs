module.exports = { displayName: 'gru', preset: '../../jest.preset.js', coverageDirectory: 'coverage' };
