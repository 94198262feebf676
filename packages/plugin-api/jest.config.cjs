module.exports = { displayName: 'plugin-api', preset: '../../jest.preset.js', coverageDirectory: 'coverage' };
